"""The page in a real browser: sentences, cards, the player, the keyboard, and all that can go wrong."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the service is the extra `web`")
pytest.importorskip("av", reason="films are the extra `video`")
sync_api = pytest.importorskip("playwright.sync_api", reason="browser tests are the extra `e2e`")

from method_tng import demo
from method_tng.search.answers import FilmEntry
from method_tng.search.opening import open_searcher
from tests.extraction.rendered import render
from tests.web.browsing import chromium, contrast, launched, luminance, opened
from tests.web.films import ToldSearcher, entry, paint
from tests.web.served import serving

pytestmark = pytest.mark.e2e
Page, expect = sync_api.Page, sync_api.expect
NOW = "document.querySelector('video').currentTime"
PAUSED = "document.querySelector('video').paused"


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    """A headless Chromium of this machine."""
    if chromium() is None:
        pytest.skip("no Chromium on this machine")
    with launched() as one:
        yield one


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three films of 30 s: two that play, one in a container and a codec that no browser knows."""
    folder = tmp_path_factory.mktemp("library")
    times = [number / 10 for number in range(300)]
    for name in ("One.mp4", "Two.mp4"):
        render(folder / name, times)
    render(folder / "Old.avi", times, codec="mpeg4")
    for film_id in ("One", "Two", "Old"):
        paint(folder, film_id, "red green blue yellow white black")
    return folder


@pytest.fixture
def searcher(films: Path) -> ToldSearcher:
    """Answers over those films; one has a title that would be a mark-up."""
    one, two = entry("One", films / "One.mp4"), entry("Two", films / "Two.mp4")
    return ToldSearcher(films, [one, two, entry("Old", films / "Old.avi"), entry("<i>no file</i>", None)])


@pytest.fixture
def place(searcher: ToldSearcher) -> Iterator[str]:
    """Where those films are served."""
    with serving(searcher) as address:
        yield address


@pytest.fixture
def page(browser: sync_api.Browser, place: str) -> Iterator[Page]:
    """The page on a desk."""
    with opened(browser, place) as one:
        yield one


def _search(page: Page, text: str = "a red circle") -> None:
    page.locator("#sentence").fill(text)
    page.keyboard.press("Enter")


def _until(page: Page, condition: str) -> None:
    page.wait_for_function(f"() => {condition}", timeout=15_000)


def _share(page: Page, selector: str) -> float:
    """Where a mark stands on the whole film's timeline, 0 to 1."""
    told = page.locator(f"#whole {selector}").evaluate("mark => mark.style.left")
    return float(told.rstrip("%")) / 100


def test_a_sentence_finds_cards_and_a_click_plays_the_moment_to_its_end(page: Page) -> None:
    expect(page.locator("#status")).to_contain_text("4 films")
    _search(page)
    expect(page.locator("#status")).to_contain_text("12 of 12 moments")
    card = page.locator("button.card").nth(4)
    expect(card).to_contain_text("Title of One")
    expect(card).to_contain_text("0:11 – 0:15")
    expect(card.locator(".band")).to_have_text("fair")
    expect(card.locator("img")).to_have_count(4)
    _until(page, "[...document.querySelectorAll('.strip img')].slice(0, 4).every((one) => one.naturalWidth)")
    card.click()
    _until(page, f"!{PAUSED} && {NOW} > 11.2")
    assert 11 <= page.evaluate(NOW) <= 15
    assert page.locator("#whole .ridge").get_attribute("d").count("L") == 16
    expect(page.locator("#whole .moment.chosen")).to_have_count(1)
    expect(page.locator("#whole .moment")).to_have_count(3)
    expect(page.locator("#whole .spoken")).to_have_count(2)
    assert _share(page, ".end") == pytest.approx(15 / 30, abs=1e-3)
    assert 11 / 30 <= _share(page, ".cursor") <= 15 / 30
    expect(page.locator("#line")).to_have_text("<b>Look</b>")
    _until(page, PAUSED)
    assert page.evaluate(NOW) == pytest.approx(15, abs=0.3)
    expect(page.locator("#note")).to_have_text("The moment ends here. Space plays on.")
    page.keyboard.press(" ")
    _until(page, f"!{PAUSED} && {NOW} > 15.4")
    _search(page, "another sentence")  # its best moment is shown, and nothing plays by itself
    _until(page, f"{PAUSED} && Math.abs({NOW} - 1) < 0.1")


def test_the_demo_plays_what_its_model_finds(browser: sync_api.Browser, tmp_path: Path) -> None:
    assert demo.main(["--quick", "--out", str(tmp_path)]) == 0
    (index,) = tmp_path.glob("index-*")
    with serving(open_searcher(index)) as address, opened(browser, address) as page:
        _search(page, "黄色的三角形在沙黄的地面上移动。")
        expect(page.locator("button.card").nth(1)).to_contain_text("Film-0")
        page.locator("button.card").nth(1).click()
        start, end = (
            float(page.locator("#whole .end").get_attribute(f"data-{name}")) for name in ("start", "end")
        )
        _until(page, f"!{PAUSED} && {NOW} > {start + 0.3}")
        assert start <= page.evaluate(NOW) <= end
        assert page.locator("#whole .ridge").get_attribute("d").count("L") == 20
        _until(page, PAUSED)
        assert page.evaluate(NOW) == pytest.approx(end, abs=0.3)


def test_the_timeline_leads_anywhere(page: Page) -> None:
    _search(page)
    page.locator("button.card").first.click()
    plot = page.locator("#whole .plot")
    _until(page, f"!{PAUSED}")
    plot.click(position={"x": plot.bounding_box()["width"] * 2 / 3, "y": 10})
    _until(page, f"!{PAUSED} && {NOW} > 20.5")  # behind the moment's end, and on
    slider = page.locator("#whole")
    assert slider.get_attribute("role") == "slider" and slider.get_attribute("aria-valuemax") == "30"
    assert "of 0:30" in slider.get_attribute("aria-valuetext")


def test_a_long_film_is_also_drawn_near_the_moment(browser: sync_api.Browser, films: Path) -> None:
    long = ToldSearcher(films, [entry("One", films / "One.mp4", duration=3600.0)])
    with serving(long) as address, opened(browser, address) as page:
        _search(page)
        page.locator("button.card").nth(1).click()
        expect(page.locator("#near .moment.chosen")).to_have_count(1)
        place = float(page.locator("#near .moment.chosen").get_attribute("x"))
        assert place == pytest.approx(1000 * 11 / (15 + 45))
        expect(page.locator("#whole .moment.chosen")).to_have_attribute("width", "3")
        assert page.locator("#near .ridge").get_attribute("d").count("L") < 40


def test_a_film_whose_pictures_begin_late_in_its_file_plays_the_right_second(
    browser: sync_api.Browser, films: Path
) -> None:
    late = render(films / "Late.mkv", [number / 10 for number in range(300)], start=3.0)
    told = ToldSearcher(films, [entry("Late", late, begin=3.0)])
    with serving(told) as address, opened(browser, address) as page:
        _search(page)
        page.locator("button.card").nth(1).click()
        _until(page, f"!{PAUSED} && {NOW} > 14.2")
        assert 14 <= page.evaluate(NOW) <= 18
        assert 11 / 30 <= _share(page, ".cursor") <= 15 / 30
        _until(page, PAUSED)
        assert page.evaluate(NOW) == pytest.approx(18, abs=0.3)


def test_long_names_stay_short_and_more_is_shown_where_one_was(
    browser: sync_api.Browser, films: Path
) -> None:
    long = "A Title That Goes On And On " * 8
    many = [
        FilmEntry(f"film-{k:03}", long, 30.0, f"folder-{k % 2}", str(films / "One.mp4"), True)
        for k in range(70)
    ]
    with serving(ToldSearcher(films, many)) as address, opened(browser, address) as page:
        expect(page.locator("button.card")).to_have_count(60)
        page.get_by_role("button", name="Show more").press("Enter")
        expect(page.locator("button.card")).to_have_count(70)
        expect(page.locator("button.card").nth(60)).to_be_focused()
        _search(page)
        expect(page.locator("#folder")).to_be_visible()
        page.get_by_role("button", name="Search only this film").click()
        expect(page.locator("#only")).to_contain_text("Only in A Title")
        expect(page.locator("#folder")).to_be_hidden()
        for name in (".card b", "#only"):
            assert page.locator(name).first.bounding_box()["height"] < 60, name
        filters, export = (page.locator(name).bounding_box() for name in ("#filters", "#export"))
        assert filters["height"] < 50 and export["y"] - filters["y"] < 10  # one row
        page.locator("#only").click()
        expect(page.locator("#folder")).to_be_visible()


def test_one_film_is_counted_as_one_and_none_says_what_to_do(browser: sync_api.Browser, films: Path) -> None:
    one = ToldSearcher(films, [entry("One", films / "One.mp4")])
    with serving(one) as address, opened(browser, address) as page:
        expect(page.locator("#status")).to_contain_text("1 film,")
    with serving(ToldSearcher(films, [])) as address, opened(browser, address, cards=False) as page:
        expect(page.locator("#status")).to_contain_text("no film in this index yet")


def test_a_file_that_cannot_be_made_leaves_the_page_where_it_is(page: Page, searcher: ToldSearcher) -> None:
    _search(page)
    page.route("**/export/csv*", lambda route: route.fulfill(status=503, body='{"code": "busy"}'))
    page.locator("#export summary").click()
    page.get_by_role("link", name="CSV").click()
    page.wait_for_timeout(300)
    expect(page.locator("button.card")).to_have_count(12)


def test_a_film_whose_file_is_gone_is_told_so(browser: sync_api.Browser, films: Path) -> None:
    told = ToldSearcher(films, [entry("Gone", films / "Gone.mp4")])
    with serving(told) as address, opened(browser, address) as page:
        _search(page)
        page.locator("button.card").first.click()
        expect(page.locator("#offer")).to_contain_text("no longer there")
        expect(page.locator("#play-clip")).to_be_hidden()


def test_the_players_own_controls_can_be_reached_by_keys(page: Page) -> None:
    _search(page)
    page.locator("button.card").first.click()
    _until(page, f"!{PAUSED}")
    while not page.evaluate("document.activeElement.matches('video')"):
        page.keyboard.press("Tab")
    page.keyboard.press(" ")
    _until(page, PAUSED)
    page.keyboard.press("/")
    expect(page.locator("#sentence")).to_be_focused()


def test_everything_can_be_done_by_keys(page: Page) -> None:
    page.locator("body").press("/")
    expect(page.locator("#sentence")).to_be_focused()
    page.keyboard.type("a / b")
    expect(page.locator("#sentence")).to_have_value("a / b")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("12 of 12")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("button.card").nth(2)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("button.card").nth(1)).to_have_attribute("aria-current", "true")
    _until(page, f"!{PAUSED} && {NOW} > 1")
    page.keyboard.press(" ")
    _until(page, PAUSED)
    before = page.evaluate(NOW)
    page.keyboard.press("ArrowRight")
    _until(page, f"Math.abs({NOW} - {before} - 2) < 0.1")
    page.keyboard.press("ArrowLeft")
    _until(page, f"Math.abs({NOW} - {before}) < 0.1")
    page.keyboard.press(" ")
    _until(page, f"!{PAUSED}")
    expect(page.locator("button.card").nth(1)).to_be_focused()


def test_a_film_that_cannot_be_played_offers_a_clip_that_plays(page: Page) -> None:
    _search(page)
    card = page.locator("button.card").filter(has_text="Title of Old").nth(1)
    card.click()
    expect(page.locator("#offer")).to_contain_text("cannot play the film")
    page.locator("#play-clip").click()
    _until(page, f"!{PAUSED} && document.querySelector('video').videoWidth > 0")
    assert "/films/Old/clip?start=6&end=20" in page.locator("video").evaluate("one => one.currentSrc")
    _until(page, f"{NOW} > 5.2")
    assert 5 <= page.evaluate(NOW) <= 9  # the clip begins 5 s before the moment at 11 s
    assert 11 / 30 <= _share(page, ".cursor") <= 15 / 30
    expect(page.locator("#note")).to_contain_text("cut clip is playing, from 0:06 to 0:20")
    _until(page, PAUSED)
    plot = page.locator("#whole .plot")
    plot.click(position={"x": plot.bounding_box()["width"] * 0.9, "y": 10})  # another clip
    _until(page, "/start=2[12]/.test(document.querySelector('video').currentSrc)")
    _until(page, f"!{PAUSED} && {NOW} >= 4.9")


def test_a_film_without_a_file_says_so(page: Page) -> None:
    page.locator("button.card").filter(has_text="no file").click()
    expect(page.locator("#offer")).to_contain_text("not known to the service")
    expect(page.locator("#play-clip")).to_be_hidden()
    expect(page.locator("#film")).to_have_text("Title of <i>no file</i>")


def test_loading_empty_and_faulty_answers_are_told(page: Page, searcher: ToldSearcher) -> None:
    go = threading.Event()
    searcher.before = go.wait
    _search(page)
    expect(page.locator("#results")).to_have_attribute("aria-busy", "true")
    expect(page.locator("li.blank")).to_have_count(4)
    go.set()
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")
    _search(page, "nothing")
    expect(page.locator("#status")).to_have_text("No moment was found.")
    _search(page, "typed")
    expect(page.get_by_role("alert")).to_contain_text(
        "cannot read this sentence: this run cannot take typed text."
    )
    page.route("**/search?*", lambda route: route.abort())
    _search(page)
    expect(page.get_by_role("alert")).to_contain_text("does not answer")
    page.unroute("**/search?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("button.card")).to_have_count(12)

    def breaks() -> None:
        raise RuntimeError("secret")

    searcher.before = breaks
    _search(page, "other")
    expect(page.get_by_role("alert")).to_contain_text("Something went wrong at the service (internal)")


def test_a_search_can_be_narrowed_linked_to_and_taken_away(page: Page, searcher: ToldSearcher) -> None:
    _search(page, "红色的圆")
    page.get_by_role("button", name="Search only this film").click()
    expect(page.locator("#status")).to_contain_text("3 of 3")
    assert searcher.asked[-1].films == ("One",)
    page.get_by_label("Best of each film").check()
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")
    page.wait_for_function("() => location.search.includes('best=1')")
    page.reload()
    expect(page.locator("#sentence")).to_have_value("红色的圆")
    expect(page.get_by_label("Best of each film")).to_be_checked()
    assert searcher.asked[-1].group_by_film and searcher.asked[-1].films == ("One",)
    page.go_back()
    expect(page.get_by_label("Best of each film")).not_to_be_checked()
    page.locator("#only").click()
    expect(page.locator("#status")).to_contain_text("12 of 12")
    page.locator("#export summary").click()
    with page.expect_download() as taken:
        page.get_by_role("link", name="CSV").click()
    assert Path(taken.value.path()).read_text("utf-8-sig").count("Title of") == 12
    page.locator("button.card").first.click()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Save as MP4").click()
    assert taken.value.suggested_filename == "Title of One 1-5 s.mp4"


def test_the_page_speaks_chinese(browser: sync_api.Browser, place: str) -> None:
    with opened(browser, place, locale="zh-CN") as page:
        assert page.locator("html").get_attribute("lang") == "zh-CN"
        _search(page)
        expect(page.locator("#status")).to_contain_text("12 个片段中的 12 个")
        expect(page.locator(".band").first).to_have_text("很符合")
        page.get_by_role("button", name="English").click()
        expect(page.locator("#status")).to_contain_text("12 of 12 moments")
        page.reload()
        expect(page.locator("#asking button")).to_have_text("Search")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_in_light_and_dark(browser: sync_api.Browser, place: str, scheme: str) -> None:
    with opened(browser, place, color_scheme=scheme) as page:
        _search(page)
        expect(page.locator("button.card")).to_have_count(12)
        ground = page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor")
        assert (luminance(ground) < 0.05) == (scheme == "dark")
        for words, behind in (
            ("body", "body"), ("#status", "body"), (".card b", ".card"), (".time", ".card"),
            (".band", ".card"), (".card q", ".card"), ("#asking .primary", "#asking .primary"),
            (".ticks span", ".timelines"), ("#save", "#save"),
        ):  # fmt: skip
            assert contrast(page, words, behind) >= 4.5, words
        page.locator("#theme").click()
        page.reload()
        after = page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor")
        assert (luminance(after) < 0.05) != (scheme == "dark")


@pytest.mark.parametrize("width", [320, 360])
def test_the_page_fits_a_phone(browser: sync_api.Browser, place: str, width: int) -> None:
    phone = {"viewport": {"width": width, "height": 740}, "has_touch": True, "is_mobile": True}
    with opened(browser, place, **phone) as page:
        _search(page)
        expect(page.locator("button.card")).to_have_count(12)
        page.locator("button.card").nth(9).tap()
        _until(page, f"!{PAUSED}")
        expect(page.locator("video")).to_be_in_viewport(ratio=0.9)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".bar").bounding_box()["height"] < 120
        sizes = page.locator("button:visible, summary:visible").evaluate_all(
            "all => all.map((one) => Math.min(one.offsetWidth, one.offsetHeight))"
        )
        assert min(sizes) >= 39


def test_every_control_has_a_name(page: Page) -> None:
    _search(page)
    page.locator("button.card").first.click()
    nameless = page.locator(
        "button:visible, a:visible, input:visible, select:visible, [role]:visible"
    ).evaluate_all(
        "all => all.filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length)"
        " && !['status', 'alert'].includes(one.role)).map((one) => one.outerHTML)"
    )
    assert not nameless
