"""The pages: what a reader sees, at Langfuse's own paths, whatever was sent."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html import unescape
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from playwright.sync_api import sync_playwright
from wire import JSON, Backend, Reply, ask, request_of, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

HOME = "/project/order-status-demo"
NASTY = "<script>alert('\"&\u202e"


def attributes(**values: Any) -> list[dict[str, Any]]:
    """OTLP attributes; a double underscore in a name stands for a dot."""
    return [
        {"key": name.replace("__", "."), "value": {"stringValue": value}}
        for name, value in values.items()
    ]


def send(backend: Backend, *spans: dict[str, Any]) -> None:
    """Post the spans to the OTLP port."""
    answer = ask(backend.otlp, request_of(*spans), keys=None, Content_Type=JSON)
    assert answer.status == 200


def turn(number: int, **values: str) -> list[dict[str, Any]]:
    """One trace of two spans in the session `talk` of the user `ann`."""
    context = {"langfuse__session__id": "talk", "langfuse__user__id": "ann", **values}
    trace, start = f"{number:032x}", 1_795_168_800_000_000_000 + number * 600_000_000_000
    times = {"startTimeUnixNano": str(start), "endTimeUnixNano": str(start + 20_000_000)}
    question = {"langfuse__observation__input": f"question {number}"}
    answer = {"langfuse__observation__output": f"answer {number}"}
    chat = {"gen_ai__operation__name": "chat", "gen_ai__request__model": "nobody-knows"}
    usage = [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}}]
    return [
        span(traceId=trace, spanId=f"{1:016x}", name="turn", **times)
        | {"attributes": attributes(**context, **question, **answer)},
        span(traceId=trace, spanId=f"{2:016x}", parentSpanId=f"{1:016x}", name="chat", **times)
        | {"attributes": attributes(**context, **chat) + usage},
    ]


def text(reply: Reply) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", reply.body.decode())))


def test_the_root_leads_to_the_sessions(backend: Backend) -> None:
    """The bare address shows the Sessions page."""
    assert "No sessions yet." in text(ask(f"{backend.web}/"))


@pytest.mark.parametrize("page", ["sessions", "users", "traces"])
def test_an_empty_page_teaches_and_fills_itself(backend: Backend, page: str) -> None:
    """With no data a page says what to run, and reloads until there is some."""
    reply = ask(f"{backend.web}{HOME}/{page}")
    assert "make demo" in text(reply)
    assert b'http-equiv="refresh"' in reply.body
    send(backend, *turn(1))
    assert b'http-equiv="refresh"' not in ask(f"{backend.web}{HOME}/{page}").body


def test_spans_without_context_are_pointed_out(backend: Backend) -> None:
    """The empty Sessions and Users pages say that traces arrived without an id, and where they are."""
    send(backend, span())
    for page, missing in (("sessions", "session id"), ("users", "user id")):
        assert f"1 trace arrived without a {missing}" in text(ask(f"{backend.web}{HOME}/{page}"))
    assert text(ask(f"{backend.web}{HOME}/traces")).count("none") == 2


def test_a_span_with_nothing_on_it_says_so(backend: Backend) -> None:
    """Without input, output and attributes, the page has sentences and not gaps."""
    bare = span() | {"attributes": []}
    send(backend, bare)
    shown = text(ask(f"{backend.web}{HOME}/traces/{bare['traceId']}"))
    assert "No input or output was recorded on this observation." in shown
    assert "Attributes This span carries none." in shown


def test_a_session_is_replayed_turn_by_turn(backend: Backend) -> None:
    """Turns in order, question before answer, idle time between them, unknown cost never $0."""
    send(backend, *turn(2), *turn(1))
    said = text(ask(f"{backend.web}{HOME}/sessions/talk"))
    parts = ["Turn 1", "question 1", "answer 1", "idle 10 min", "Turn 2", "question 2", "answer 2"]
    places = [said.index(part) for part in parts]
    assert places == sorted(places)
    assert "2 traces · 4 observations" in said
    assert "cost 2 unknown" in said
    assert "$0.00" not in said


def test_coverage_shows_the_spans_that_lack_the_session(backend: Backend) -> None:
    """A session on the root alone is seen as 1/2 on the list, the session and the trace."""
    root, child = turn(1)
    child["attributes"] = []
    send(backend, root, child)
    for page in ("sessions", "sessions/talk", f"traces/{1:032x}"):
        assert "1/2" in text(ask(f"{backend.web}{HOME}/{page}")), page


def test_users_are_listed_with_what_nobody_is_charged_for(backend: Backend) -> None:
    """One row a user, and a last one for the observations that name none."""
    send(backend, *turn(1), span())
    said = text(ask(f"{backend.web}{HOME}/users"))
    assert said.index("ann") < said.index("(no user id)")
    assert "1 session · 1 trace · 2 observations" in text(ask(f"{backend.web}{HOME}/users/ann"))


def test_what_was_sent_is_never_markup(backend: Backend) -> None:
    """Names, ids, content and metadata are shown as text, and every link to them works."""
    send(
        backend,
        *turn(
            1,
            langfuse__session__id=f"a/b?{NASTY}",
            langfuse__user__id=f"u#{NASTY}",
            langfuse__trace__name=NASTY,
            langfuse__trace__metadata__region=NASTY,
        ),
    )
    seen, waiting = set(), {f"{HOME}/sessions", f"{HOME}/users", f"{HOME}/traces"}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        reply = ask(backend.web + path)
        assert reply.status == 200, path
        assert b"<script" not in reply.body, path
        links = map(unescape, re.findall(r'href="(/[^"#]*)"', reply.body.decode()))
        waiting |= {link for link in links if not link.startswith("/static")} - seen
    assert len(seen) >= 7
    assert NASTY in unescape(ask(f"{backend.web}{HOME}/sessions").body.decode())


def test_pages_run_and_load_nothing(backend: Backend) -> None:
    """The browser is told to run no script and to load nothing from elsewhere."""
    policy = ask(f"{backend.web}{HOME}/sessions").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")


@pytest.mark.parametrize("kind", ["session", "user", "trace"])
def test_a_page_that_is_not_there_helps_on(backend: Backend, kind: str) -> None:
    """404, with the recent sessions to go on from."""
    send(backend, *turn(1))
    reply = ask(f"{backend.web}{HOME}/{kind}s/nope")
    assert reply.status == 404
    assert f"There is no {kind} nope here" in text(reply)
    assert f"{HOME}/sessions/talk".encode() in reply.body


@pytest.mark.parametrize("path", ["/nope", f"{HOME}/nope", "/project/another/sessions"])
def test_an_unknown_address_leads_back(backend: Backend, path: str) -> None:
    """404 as a page of the site, with the recent sessions; the API's own 404 stays JSON."""
    send(backend, *turn(1))
    reply = ask(backend.web + path)
    assert reply.status == 404
    assert f"There is no page {path} here." in text(reply)
    assert f"{HOME}/sessions/talk".encode() in reply.body
    unknown = ask(f"{backend.web}/api/public/nope")
    assert (unknown.status, unknown.json) == (404, {"message": "Not Found"})


def test_long_lists_have_older_pages(backend: Backend) -> None:
    """Fifty rows a page; nothing is lost between two pages."""
    send(backend, *(each for number in range(1, 62) for each in turn(number)))
    pages = [ask(f"{backend.web}{HOME}/traces?page={page}").body.decode() for page in (0, 1)]
    trace_ids = [re.findall(r"/traces/([0-9a-f]{32})", page) for page in pages]
    assert [len(page) for page in trace_ids] == [50, 11]
    assert len({*trace_ids[0], *trace_ids[1]}) == 61
    assert "Older" in pages[0]
    assert "Older" not in pages[1]
    assert "Turn 61" in text(ask(f"{backend.web}{HOME}/sessions/talk"))
    assert "Turn 11 " in text(ask(f"{backend.web}{HOME}/sessions/talk?page=1"))
    assert ask(f"{backend.web}{HOME}/traces?page=-x").status == 200


def _cannot(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(name="browser_page")
def _browser_page() -> Iterator[Page]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        _cannot("Chromium is missing: sudo apt-get install chromium")
    driver = [sys.executable, "-m", "playwright", "--version"]
    if subprocess.run(driver, check=False, capture_output=True).returncode:
        _cannot("Playwright's driver does not start: sudo apt-get install libatomic1")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser.new_page(viewport={"width": 1300, "height": 800}, java_script_enabled=False)
        browser.close()


def test_a_reader_walks_from_sessions_to_a_span(backend: Backend, browser_page: Page) -> None:
    """In a real browser without JavaScript: session, trace, one span; bars have their length."""
    send(backend, *turn(1), *turn(2))
    browser_page.goto(backend.web)
    browser_page.click("text=talk")
    browser_page.click("text=trace 00000000… >> nth=0")
    bars = browser_page.locator(".bar")
    assert bars.count() == 2
    assert (bars.first.bounding_box() or {"width": 0})["width"] > 300
    browser_page.click("text=chat")
    assert browser_page.locator("#observation h2 >> nth=0").inner_text() == "GENERATION chat"
    assert (
        "gen_ai.usage.input_tokens" in browser_page.locator("#observation table").last.inner_text()
    )


def test_no_page_is_wider_than_the_window(backend: Backend, browser_page: Page) -> None:
    """On a laptop's width nothing but a long table scrolls sideways."""
    send(backend, *turn(1))
    for page in ("sessions", "sessions/talk", "users", "users/ann", "traces", f"traces/{1:032x}"):
        browser_page.goto(f"{backend.web}{HOME}/{page}")
        size = browser_page.locator("html").bounding_box() or {"width": 0}
        assert size["width"] <= 1300, page
        assert (browser_page.locator("main").bounding_box() or {"width": 0})["width"] <= 1300
