"""Tests Swagger UI at /docs, at the widths of a screen and of a phone: executes operations with the examples that fill
the fields.

Arguments: the service's address, the address of the service behind a proxy with a prefix, a directory for the
browser's profile, the start of the names of the screenshots.
"""

import json
import shutil
import sys
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

# Of the examples in the document.
STATS = {"totalModulesStudied": 5, "averageScore": 80, "timeStudied": 120000}
ELSEWHERE = "http://example.com/"
# Any response counts, also a response that the page may not read.
REACH = """const [url, done] = arguments;
fetch(url, {mode: "no-cors"}).then(() => done(true), () => done(false));"""
# The policy must refuse a script that is written into the page.
INLINE = """const script = document.createElement("script");
script.textContent = "window.intruder = true";
document.body.append(script);
return window.intruder;"""


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


def execute(driver, operation):
    """Executes an operation with the examples that fill the fields; returns the status and the JSON of the response,
    as the page shows them."""
    block = find(driver, f"[id$=-{operation}]")
    if not block.find_elements(By.CSS_SELECTOR, ".opblock-body"):
        find(block, ".opblock-summary-control").click()
    find(block, ".execute").click()
    answer = find(block, ".live-responses-table .response")
    status = find(answer, ".response-col_status").text.split()[0]
    shown = answer.find_elements(By.CSS_SELECTOR, ".highlight-code code, pre.microlight")
    return status, json.loads(shown[0].text) if shown and status != "204" else None


def width(driver, pixels):
    """Sets the width of the page, as on a device, and returns the width of the content."""
    metrics = {"width": pixels, "height": 2400, "deviceScaleFactor": 1, "mobile": pixels < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    return driver.execute_script("return document.documentElement.scrollWidth")


def errors(driver):
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


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


def main(service, prefixed, profile, screenshots):
    driver = browser(profile)
    try:
        driver.get(f"{prefixed}/")
        check("the page behind a prefix", driver.current_url, f"{prefixed}/docs")
        check("GET behind a prefix", execute(driver, "getTotals")[0], "404")
        check("requests elsewhere", list(strangers(driver, prefixed)), [])
        check("errors but of 404", [error for error in errors(driver) if "404" not in error], [])
        for pixels in (1280, 360):
            driver.get(f"{service}/docs")
            check("title", driver.title, "study-stats API")
            check("the first operation", find(driver, ".opblock").get_attribute("id"), "operations-Sessions-recordSession")
            check("POST", execute(driver, "recordSession"), ("201", {"message": "OK"}))
            check("GET", execute(driver, "getTotals"), ("200", STATS))
            check("batch", execute(driver, "recordSessions"), ("200", {"results": [{"outcome": "stored"}]}))
            content = width(driver, pixels)
            driver.save_screenshot(f"{screenshots}-{pixels}.png")
            # A scroll bar takes a part of a screen.
            check(f"the content, of {content}, fits into {pixels} pixels", content <= pixels, True)
            check("requests elsewhere", list(strangers(driver, service)), [])
            check("errors", errors(driver), [])
        # The policy of the page refuses a foreign request.
        check("a request elsewhere arrives", driver.execute_async_script(REACH, ELSEWHERE), False)
        check("errors of the policy", any("Content Security Policy" in error for error in errors(driver)), True)
        check("a script within the page", driver.execute_script(INLINE), None)
        # Proves on a page without a policy that a foreign request would be seen, and that the request fails.
        driver.get(f"{service}/health/live")
        list(strangers(driver, service))
        check("a request elsewhere arrives", driver.execute_async_script(REACH, ELSEWHERE), False)
        check("requests seen of it", list(strangers(driver, service)), [ELSEWHERE])
    finally:
        driver.quit()


main(*sys.argv[1:])
