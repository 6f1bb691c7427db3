// The page: what is asked, the answers as cards, the player beside them, the keyboard.

import { blankCard, filmCard, momentCard } from "./cards.js";
import { Player } from "./player.js";
import { address, ask } from "./service.js";
import { changeLanguage, length, say, speak } from "./words.js";

const [MOMENTS, FILMS] = [20, 60]; // cards of a page
const STEP = 2; // seconds of an arrow key

const find = (id) => document.getElementById(id);
const wide = matchMedia("(min-width: 60rem)"); // list and player side by side
const player = new Player();
const films = new Map(); // those that were told of, by their id
const asked = { text: "", group_by_film: false, folder: "", films: "" };
let shown = []; // moments, or films before anything was asked
let total = 0;
let seconds = 0; // that the search took, or of all films together
let several = false; // folders
let chosen = -1;
let running = null; // the request under way
let trouble = null;

// ---- asking

async function show(more = false) {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const isSearch = Boolean(asked.text);
  const before = shown.length;
  trouble = null;
  if (!more) [shown, chosen] = [[], -1];
  busy(more);
  try {
    const offset = shown.length;
    const answer = isSearch
      ? await ask("/search", { ...asked, top: MOMENTS, offset }, signal)
      : await ask("/films", { top: FILMS, offset }, signal);
    for (const film of answer.films ?? []) films.set(film.film_id, film);
    if (answer.folders) folders(answer.folders);
    shown = [...shown, ...(answer.moments ?? answer.films)];
    [total, seconds] = [answer.total, answer.seconds];
  } catch (error) {
    if (error.name === "AbortError") return;
    trouble = error;
  }
  find("results").ariaBusy = "false";
  draw();
  if (more) cards()[before]?.focus({ preventScroll: true }); // the button that was pressed may be gone
  if (isSearch && !more && shown.length && wide.matches) choose(0, false);
}

function busy(more) {
  const list = find("results");
  list.ariaBusy = "true";
  find("trouble").hidden = true;
  find("more").hidden = true;
  find("status").textContent = say(asked.text ? "looking" : "loading");
  list.className = asked.text ? "moments" : "films";
  const blanks = Array.from({ length: 4 }, blankCard);
  if (more) list.append(...blanks);
  else list.replaceChildren(...blanks);
}

async function filmOf(filmId) {
  if (!films.has(filmId)) films.set(filmId, await ask(`/films/${encodeURIComponent(filmId)}`));
  return films.get(filmId);
}

// ---- showing

function draw() {
  const isSearch = Boolean(asked.text);
  const list = find("results");
  list.replaceChildren(...shown.map(isSearch ? momentCard : filmCard));
  for (const [index, card] of cards().entries()) {
    card.addEventListener("click", () => choose(index, true));
    if (index === chosen) card.setAttribute("aria-current", "true");
  }
  find("status").textContent = trouble ? "" : status(isSearch);
  find("more").hidden = Boolean(trouble) || shown.length >= total;
  find("trouble").hidden = !trouble && !(isSearch && !shown.length);
  find("trouble").classList.toggle("fault", Boolean(trouble));
  find("trouble").querySelector("p").textContent = trouble ? fault(trouble) : say("hint_none");
  find("trouble").querySelector("button").hidden = !trouble;
  find("export").hidden = !isSearch || !shown.length;
  find("filters").hidden = !isSearch;
  offerFolders();
  const only = find("only");
  only.hidden = !asked.films;
  const title = asked.films && say("only", { title: films.get(asked.films)?.title ?? asked.films });
  only.querySelector("span").textContent = title;
  only.title = `${title} (${say("remove")})`;
  exports();
}

function status(isSearch) {
  if (!shown.length) return say(isSearch ? "found_none" : "films_none");
  if (!isSearch) return say(total === 1 ? "films_one" : "films", { count: total, length: length(seconds) });
  return say("found", { shown: shown.length, total, seconds: seconds.toFixed(seconds < 0.1 ? 3 : 2) });
}

function fault(error) {
  const word = `fault_${error.code}`;
  const known = say(word) !== word;
  return say(known ? word : "fault_other", { code: error.code ?? error.name, message: error.message });
}

function folders(names) {
  const select = find("folder");
  const own = new Option(say("every_folder"), "");
  select.replaceChildren(own, ...names.filter(Boolean).map((name) => new Option(name, name)));
  select.value = asked.folder;
  several = names.length > 1;
  offerFolders();
}

function offerFolders() {
  find("folder-choice").hidden = !several || Boolean(asked.films); // one film lies in one folder
}

function exports() {
  const film = player.film;
  for (const link of find("export").querySelectorAll("a")) {
    const kind = link.dataset.kind;
    const ofFilm = "ofFilm" in link.dataset;
    link.hidden = ofFilm && !film;
    if (ofFilm && film) link.textContent = say("chapters", { kind: kind.toUpperCase() });
    link.href = address(`/export/${kind}`, { ...asked, top: 100, ...(ofFilm && film ? { films: film.film_id } : {}) });
  }
}

const cards = () => [...find("results").querySelectorAll("button.card")];

/** Opens the card: in the player, and playing when it was asked for. */
async function choose(index, play) {
  chosen = index;
  for (const [place, card] of cards().entries()) {
    if (place === index) card.setAttribute("aria-current", "true");
    else card.removeAttribute("aria-current");
  }
  const one = shown[index];
  const moment = asked.text ? one : null;
  try {
    const film = await filmOf(one.film_id);
    if (chosen !== index) return;
    document.body.classList.add("watching");
    player.open(film, moment, moment ? shown : [], asked.text, play);
    if (play && !wide.matches) find("viewer").scrollIntoView({ block: "start" });
  } catch (error) {
    trouble = error;
    draw();
  }
  find("within").hidden = !asked.text || Boolean(asked.films);
  exports();
}

// ---- address, theme, words

function remember() {
  const words = { q: asked.text, best: asked.group_by_film ? "1" : "", in: asked.folder, film: asked.films };
  history.pushState(null, "", address("/", words));
}

function recall() {
  const words = new URLSearchParams(location.search);
  Object.assign(asked, {
    text: (words.get("q") ?? "").trim(),
    group_by_film: words.get("best") === "1",
    folder: words.get("in") ?? "",
    films: words.get("film") ?? "",
  });
  find("sentence").value = asked.text;
  find("grouped").checked = asked.group_by_film;
  find("folder").value = asked.folder;
}

async function start() {
  recall();
  if (asked.text) ask("/films", { top: 1 }).then(({ folders: names }) => folders(names), () => {});
  if (asked.films) await filmOf(asked.films).catch(() => {});
  await show();
}

function change(words) {
  Object.assign(asked, words);
  remember();
  show();
}

const dark = matchMedia("(prefers-color-scheme: dark)");

function paint(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

function words() {
  speak();
  find("language").textContent = say("other");
  find("language").lang = say("other") === "English" ? "en" : "zh-CN";
  if (find("folder").options.length) find("folder").options[0].textContent = say("every_folder");
  if (find("results").ariaBusy !== "true") draw();
  player.tell();
}

find("asking").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = find("sentence").value.trim();
  if (!text) return;
  change({ text });
});
find("grouped").addEventListener("change", (event) => change({ group_by_film: event.target.checked }));
find("folder").addEventListener("change", (event) => change({ folder: event.target.value }));
find("only").addEventListener("click", () => change({ films: "" }));
find("within").addEventListener("click", () => change({ films: player.film.film_id, group_by_film: false }));
find("more").addEventListener("click", () => show(true));
find("trouble").querySelector("button").addEventListener("click", () => show());
find("language").addEventListener("click", () => {
  changeLanguage();
  words();
});
find("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
  const theme = now === "dark" ? "light" : "dark";
  localStorage.setItem("theme", theme);
  paint(theme);
});
addEventListener("popstate", start);
document.addEventListener("click", ({ target }) => {
  if (target.closest("summary") === null) find("export").open = false;
});

// ---- keyboard

function step(by) {
  const all = cards();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const from = at >= 0 ? at : chosen;
  const next = Math.min(all.length - 1, Math.max(0, from + by));
  all[next].focus();
  all[next].scrollIntoView({ block: "nearest" });
}

const KEYS = {
  "/": () => find("sentence").select(),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  ArrowLeft: () => player.film && player.seek(player.now - STEP),
  ArrowRight: () => player.film && player.seek(player.now + STEP),
  " ": () => player.film && player.toggle(),
  Enter: () => player.film && player.replay(),
};

function isTyped(key, element) {
  if (element.matches("input[type=text]")) return !(key === "ArrowDown");
  if (element.matches("video:focus-visible")) return key !== "/"; // its own controls
  if (element.matches("select, summary, a, input")) return key !== "/";
  if (element.matches("button.card")) {
    const own = element.getAttribute("aria-current") === "true";
    return key === "Enter" || (key === " " && !own);
  }
  return element.matches("button") && (key === "Enter" || key === " ");
}

document.addEventListener("keydown", (event) => {
  const element = event.target instanceof Element ? event.target : document.body;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") {
    if (element === find("sentence")) element.blur();
    find("export").open = false;
  }
  if (!KEYS[event.key] || isTyped(event.key, element)) return;
  event.preventDefault();
  KEYS[event.key]();
});
document.addEventListener("keyup", (event) => {
  const element = event.target;
  const card = element instanceof Element && element.matches("button.card[aria-current]");
  if (event.key === " " && card) event.preventDefault(); // it has paused or played already
});

paint(localStorage.getItem("theme"));
words();
start();
