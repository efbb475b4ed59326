"""Tests Swagger UI at /docs: posts a session, and reads its numbers back from the totals.

Arguments: the service's address, the address of the service behind a proxy with a prefix, a directory for the
browser's profile, a file for a screenshot.
"""

import json
import shutil
import sys
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

LEARNER = "0193d4f1-0000-7000-8000-000000000001"
COURSE = "0193d4f1-0000-7000-8000-000000000002"
SESSION = "0193d4f1-0000-7000-8000-000000000003"
STATS = {"totalModulesStudied": 2.25, "averageScore": 7.5, "timeStudied": 90061.125}
ELSEWHERE = "http://example.com/"
# Any response counts, also a response that the page may not read.
REACH = """const [url, done] = arguments;
fetch(url, {mode: "no-cors"}).then(() => done(true), () => done(false));"""


def browser(profile):
    options = webdriver.ChromeOptions()
    for argument in [
        "headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "window-size=1280,2400",
        f"user-data-dir={profile}", "no-first-run",
        # No background requests of the browser.
        "disable-background-networking", "disable-component-update", "disable-sync", "disable-quic",
        # No name resolves, and proxies of the environment are ignored.
        "host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "no-proxy-server",
    ]:
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # With both programs named, selenium does not search for the programs, which could start a download.
    options.binary_location = shutil.which("chromium")
    return webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))


def find(scope, css):
    """Waits for the first visible element of `css`, and returns the element."""
    seen = lambda _: next(filter(lambda e: e.is_displayed(), scope.find_elements(By.CSS_SELECTOR, css)), None)
    return WebDriverWait(scope, 30).until(seen, f"no {css}")


def try_out(driver, operation, body=None):
    """Executes an operation; returns the status and the JSON of the response, as the page shows them."""
    block = find(driver, f"[id$=-{operation}]")
    find(block, ".opblock-summary-control").click()
    find(block, ".try-out__btn").click()
    fields = {"[data-param-name=X-User-Id] input": LEARNER, "[data-param-name=courseId] input": COURSE}
    if body:
        fields["textarea.body-param__text"] = json.dumps(body)
    for css, text in fields.items():
        find(block, css).send_keys(Keys.CONTROL, "a", Keys.NULL, text)
    find(block, ".execute").click()
    answer = find(block, ".live-responses-table .response")
    shown = find(answer, ".highlight-code code, pre.microlight").text
    return find(answer, ".response-col_status").text, json.loads(shown)


def strangers(driver, service):
    """Returns the URLs outside the service that were requested since the last call."""
    for entry in driver.get_log("performance"):
        event = json.loads(entry["message"])["message"]
        if event["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
            url = event["params"].get("request", event["params"])["url"]
            # Schemes that the browser serves without a network.
            if urlsplit(url).scheme not in ("chrome", "data") and urlsplit(url)[:2] != urlsplit(service)[:2]:
                yield url


def check(what, actual, wanted):
    if actual != wanted:
        sys.exit(f"{what}: {actual!r}, not {wanted!r}")


def main(service, prefixed, profile, screenshot):
    driver = browser(profile)
    try:
        driver.get(f"{prefixed}/")
        check("the page behind a prefix", driver.current_url, f"{prefixed}/docs")
        check("GET behind a prefix", try_out(driver, "getTotals")[0], "404")
        check("requests elsewhere", list(strangers(driver, prefixed)), [])
        check("errors but of 404", [e["message"] for e in driver.get_log("browser")
              if e["level"] == "SEVERE" and "404" not in e["message"]], [])
        driver.get(f"{service}/docs")
        check("POST", try_out(driver, "recordSession", {"sessionId": SESSION, **STATS}), ("201", {"message": "OK"}))
        check("GET", try_out(driver, "getTotals"), ("200", STATS))
        driver.save_screenshot(screenshot)
        check("requests elsewhere", list(strangers(driver, service)), [])
        check("errors", [e["message"] for e in driver.get_log("browser") if e["level"] == "SEVERE"], [])
        # Proves that a foreign request would be seen, and that the request fails.
        check("a request elsewhere arrives", driver.execute_async_script(REACH, ELSEWHERE), False)
        check("requests seen of it", list(strangers(driver, service)), [ELSEWHERE])
    finally:
        driver.quit()


main(*sys.argv[1:])
