"""Uses Swagger UI at /docs: posts a session, and reads its numbers back from the totals.

Arguments: the service's address, a directory for the browser's profile, a file for a screenshot.
"""

import json
import shutil
import sys
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as expected
from selenium.webdriver.support.wait import WebDriverWait

LEARNER = "0193d4f1-0000-7000-8000-000000000001"
COURSE = "0193d4f1-0000-7000-8000-000000000002"
SESSION = "0193d4f1-0000-7000-8000-000000000003"
# All fractions that a double holds exactly.
STATS = {"totalModulesStudied": 2.25, "averageScore": 7.5, "timeStudied": 90061.125}

ELSEWHERE = "http://example.com/"
# Any answer counts, also one that the page may not read.
REACH = """
const [url, done] = arguments;
fetch(url, {mode: "no-cors"}).then(() => done(true), () => done(false));
"""


def browser(profile):
    options = webdriver.ChromeOptions()
    for argument in [
        "headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "window-size=1280,2400",
        f"user-data-dir={profile}", "no-first-run",
        # Nothing of the browser's own.
        "disable-background-networking", "disable-component-update", "disable-sync", "disable-quic",
        # No name leads anywhere, and no proxy that the environment names is asked.
        "host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "no-proxy-server",
    ]:
        options.add_argument(f"--{argument}")
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # With the driver named, selenium does not look for one to download.
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    return webdriver.Chrome(options, service)


def find(scope, css):
    """The element, once it is there to be used."""
    present = lambda _: next((e for e in scope.find_elements(By.CSS_SELECTOR, css) if e.is_displayed()), None)
    return WebDriverWait(scope, 30).until(present, css)


def fill(scope, css, text):
    field = find(scope, css)
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(text)


def try_out(driver, operation, body=None):
    """Executes an operation; the status and the JSON that the page shows as its answer."""
    block = find(driver, f"[id$=-{operation}]")
    find(block, ".opblock-summary-control").click()
    find(block, ".try-out__btn").click()
    fill(block, "[data-param-name=X-User-Id] input", LEARNER)
    fill(block, "[data-param-name=courseId] input", COURSE)
    if body:
        fill(block, "textarea.body-param__text", json.dumps(body))
    find(block, ".execute").click()
    answer = find(block, ".live-responses-table .response")
    status = find(answer, ".response-col_status").text
    return status.split()[0], json.loads(find(answer, ".highlight-code code, pre.microlight").text)


def requests(driver):
    """The URLs that were asked for since the last call, but for those that ask nobody."""
    for entry in driver.get_log("performance"):
        event = json.loads(entry["message"])["message"]
        if event["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
            url = event["params"].get("request", event["params"])["url"]
            if urlsplit(url).scheme not in ("chrome", "data"):
                yield url


def strangers(urls, service):
    return [url for url in urls if urlsplit(url)[:2] != urlsplit(service)[:2]]


def check(what, actual, wanted):
    if actual != wanted:
        sys.exit(f"{what}: {actual!r}, not {wanted!r}")


def main(service, profile, screenshot):
    driver = browser(profile)
    try:
        driver.get(f"{service}/docs")
        check("POST", try_out(driver, "recordSession", {"sessionId": SESSION, **STATS}), ("201", {"message": "OK"}))
        check("GET", try_out(driver, "getTotals"), ("200", STATS))
        driver.save_screenshot(screenshot)

        asked = list(requests(driver))
        check("requests elsewhere", strangers(asked, service), [])
        check("errors", [e["message"] for e in driver.get_log("browser") if e["level"] == "SEVERE"], [])

        # That there was none means something only if one would have been seen; nor does it arrive.
        arrived = driver.execute_async_script(REACH, ELSEWHERE)
        check("a request elsewhere arrives", arrived, False)
        check("requests seen of it", strangers(requests(driver), service), [ELSEWHERE])
    finally:
        driver.quit()


main(*sys.argv[1:])
