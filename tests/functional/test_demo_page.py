"""The demo's page in a real browser: notes are written, rendered, searched and deleted, and other pages follow."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from server_process import PATIENCE, PLUGINS, REPOSITORY, VENV, RoostServer

pytestmark = [pytest.mark.browser]

# Without the background flags Chromium looks up its maker's hosts at every start.
BROWSER_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def demo_configuration() -> str:
    """conf/demo.yaml as it is, but for a free port and paths that hold from another folder."""
    text = (REPOSITORY / "conf" / "demo.yaml").read_text()
    for old, new in {
        "${PORT:-8080}": "0",
        "../.venv": str(VENV),
        "../plugins/notes": str(REPOSITORY / "plugins" / "notes"),
        "../www": str(REPOSITORY / "www"),
        "libroost_": f"{PLUGINS}/libroost_",
    }.items():
        assert old in text, f"conf/demo.yaml has no {old}"
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def demo(module_server: Callable[..., RoostServer], tmp_path_factory: pytest.TempPathFactory) -> RoostServer:
    return module_server(
        demo_configuration(), env={"NOTES_DB": str(tmp_path_factory.mktemp("notes") / "notes.sqlite3")}
    )


class Page:
    """One open page of the demo, in a browser of its own."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        driver.get(f"{url}/")
        self.wait(lambda: self.text("connection") == "live", "the WebSocket is connected")

    def wait(self, condition: Callable[[], object], what: str) -> None:
        WebDriverWait(self.driver, PATIENCE, poll_frequency=0.02).until(lambda _: condition(), what)

    def element(self, name: str) -> WebElement:
        return self.driver.find_element(By.ID, name)

    def text(self, name: str) -> str:
        return self.element(name).text

    def value(self, name: str) -> str:
        return str(self.element(name).get_property("value"))

    def type(self, name: str, text: str) -> None:
        self.element(name).clear()
        self.element(name).send_keys(text)

    def titles(self) -> list[str]:
        # In one step: the list may be drawn anew between two.
        return list(
            self.driver.execute_script("return [...document.querySelectorAll('#notes strong')].map(e => e.textContent)")
        )

    def open(self, title: str) -> None:
        self.wait(lambda: title in self.titles(), f"{title!r} is in the list")
        self.driver.execute_script(
            "[...document.querySelectorAll('#notes button')]"
            ".find(b => b.querySelector('strong').textContent === arguments[0]).click()",
            title,
        )
        self.wait(lambda: self.value("title") == title, f"{title!r} is open")

    def write(self, title: str, body: str) -> None:
        self.element("new-note").click()
        self.type("title", title)
        self.type("body", body)
        self.save()

    def save(self) -> None:
        self.element("save").click()
        self.wait(lambda: self.text("save-state") == "Saved", "the note is saved")

    def errors(self) -> list[str]:
        return [str(entry["message"]) for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def open_page(demo: RoostServer, tmp_path: Path) -> Iterator[Callable[[], Page]]:
    """Opens one page after another; none may have reported an error when the test ends."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "install the packages in tools/packages-test.txt: chromium"
    assert chromedriver, "install the packages in tools/packages-test.txt: chromium-driver"
    pages: list[Page] = []
    with ExitStack() as stack:

        def start() -> Page:
            options = webdriver.ChromeOptions()
            options.binary_location = chromium
            options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
            for flag in (*BROWSER_FLAGS, "--window-size=1200,800", f"--user-data-dir={tmp_path}/browser{len(pages)}"):
                options.add_argument(flag)
            driver = webdriver.Chrome(options, Service(chromedriver))
            stack.callback(driver.quit)
            pages.append(Page(driver, demo.url))
            return pages[-1]

        yield start
        assert [page.errors() for page in pages] == [[] for _ in pages]


def test_note_is_rendered_as_it_is_typed_and_a_second_page_sees_it(open_page: Callable[[], Page]) -> None:
    first, second = open_page(), open_page()
    first.element("new-note").click()
    first.type("title", "Shopping")
    first.type("body", "# List\n\n- **bread**\n- milk")
    first.wait(lambda: first.driver.find_elements(By.CSS_SELECTOR, "#preview li strong"), "the Markdown is rendered")
    assert first.driver.find_element(By.CSS_SELECTOR, "#preview h1").text == "List"
    assert first.text("save-state") == "Not saved"
    assert "Shopping" not in second.titles(), "not saved, not told"

    first.save()
    second.wait(lambda: "Shopping" in second.titles(), "the second page lists the note")
    second.open("Shopping")
    second.wait(lambda: "bread" in second.text("preview"), "the second page renders the note")

    first.type("title", "Shopping on Friday")
    first.save()
    second.wait(lambda: second.value("title") == "Shopping on Friday", "the open note follows")
    assert "Shopping" not in second.titles()


def test_every_page_is_told_by_every_worker(demo: RoostServer, open_page: Callable[[], Page]) -> None:
    page = open_page()
    # A connection each: two workers share the listening socket, and either may take one.
    for number in range(8):
        title = f"from connection {number}"
        assert httpx.post(f"{demo.url}/api/notes", json={"title": title, "body": ""}).status_code == 201
        page.wait(lambda title=title: title in page.titles(), title)


def test_unsaved_text_survives_a_change_made_elsewhere(demo: RoostServer, open_page: Callable[[], Page]) -> None:
    page = open_page()
    page.write("Contended", "mine")
    page.element("body").send_keys(" and more")
    note = httpx.get(f"{demo.url}/api/notes", params={"q": "Contended"}).json()["items"][0]
    httpx.put(f"{demo.url}/api/notes/{note['id']}", json={"title": "Contended", "body": "theirs"})
    page.wait(lambda: page.element("notice").is_displayed(), "the page says that the note was changed")
    assert page.value("body") == "mine and more"
    page.element("notice-action").click()
    page.wait(lambda: page.value("body") == "theirs", "their version is shown when asked for")


def test_delete_on_one_page_is_seen_on_the_other(open_page: Callable[[], Page]) -> None:
    first, second = open_page(), open_page()
    first.write("Short-lived", "text")
    second.open("Short-lived")
    first.element("delete").click()
    first.driver.switch_to.alert.accept()
    second.wait(lambda: "Short-lived" not in second.titles(), "the note is gone from the second page")
    second.wait(lambda: second.element("notice").is_displayed(), "the second page says why its note closed")
    assert second.value("title") == ""
    first.wait(lambda: "Short-lived" not in first.titles(), "the note is gone from the first page")


def test_search_and_pages(demo: RoostServer, open_page: Callable[[], Page]) -> None:
    with httpx.Client(base_url=demo.url) as client:
        for number in range(25):
            client.post("/api/notes", json={"title": f"haystack {number}", "body": "straw"})
        client.post("/api/notes", json={"title": "needle", "body": "steel"})
    page = open_page()
    page.type("search", "haystack")
    page.wait(lambda: page.text("page-status") == "1–20 of 25", "the first page of the search")
    page.element("next").click()
    page.wait(lambda: page.text("page-status") == "21–25 of 25", "the second page of the search")
    assert len(page.titles()) == 5
    assert not page.element("next").is_enabled()
    page.type("search", "steel")
    page.wait(lambda: page.titles() == ["needle"], "a search finds text in the body, from its first page on")


def test_hostile_markdown_runs_no_script(open_page: Callable[[], Page]) -> None:
    page = open_page()
    page.write(
        "Hostile",
        "<script>window.stolen = 1</script>\n\ntext <img src=x onerror='window.stolen = 2'>\n\n"
        "[a link](javascript:window.stolen=3)\n\n**end**",
    )
    page.wait(lambda: "end" in page.text("preview"), "the note is rendered")
    for link in page.driver.find_elements(By.CSS_SELECTOR, "#preview a[href]"):
        assert "javascript:" not in str(link.get_attribute("href"))
    assert page.driver.find_elements(By.CSS_SELECTOR, "#preview script, #preview [onerror]") == []
    assert page.driver.execute_script("return window.stolen ?? null") is None
