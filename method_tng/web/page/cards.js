// Moments and films as cards: a strip of small pictures, where it is, how well it fits.

import { askOnce, ofFilm } from "./service.js";
import { clock, say } from "./words.js";

const STRIP = 4; // small pictures of a card

function make(name, className = "", text = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/** A moment's card. */
export function momentCard(moment) {
  const card = make("button", "card");
  card.type = "button";
  card.append(strip(moment), told(moment));
  const item = make("li");
  item.append(card);
  return item;
}

function told(moment) {
  const box = make("span", "told");
  const head = make("span", "head");
  head.append(named(moment.title), make("span", "time", `${clock(moment.start)} – ${clock(moment.end)}`));
  const band = make("span", `band ${moment.band}`);
  const bars = make("span", "bars");
  bars.ariaHidden = "true";
  bars.append(make("i"), make("i"), make("i"));
  band.append(bars, make("span", "", say(moment.band)));
  band.title = say("score", { score: moment.score.toPrecision(3) });
  head.append(band);
  box.append(head);
  if (moment.subtitle) box.append(make("q", "", moment.subtitle));
  return box;
}

/** A film's name; a long one is cut off where it is shown, and told in whole under the pointer. */
function named(title) {
  const name = make("b", "", title);
  name.title = title;
  return name;
}

/** Small pictures from before the moment to after it; those outside of it are dimmed. */
function strip(moment) {
  const box = make("span", "strip");
  const frames = Array.from({ length: STRIP }, () => box.appendChild(make("span", "frame")));
  askOnce(ofFilm(moment.film_id, "/thumbnails")).then(({ milliseconds }) => {
    const chosen = around(milliseconds, 1000 * moment.start, 1000 * moment.end);
    for (const [place, frame] of frames.entries()) {
      const taken = chosen[place];
      if (taken === undefined) continue;
      frame.append(picture(moment.film_id, taken));
      frame.classList.toggle("outside", taken < 1000 * moment.start - 1 || taken > 1000 * moment.end);
    }
  }, () => {});
  return box;
}

/** At most STRIP of the times: of those in the span evenly, then the neighbours outside, nearest first. */
export function around(times, start, end) {
  const inside = times.filter((time) => time >= start - 1 && time <= end);
  if (inside.length >= STRIP) {
    return Array.from({ length: STRIP }, (_, place) => inside[Math.round((place * (inside.length - 1)) / (STRIP - 1))]);
  }
  const distance = (time) => Math.max(start - time, time - end);
  const outside = times.filter((time) => !inside.includes(time)).sort((one, other) => distance(one) - distance(other));
  return [...inside, ...outside.slice(0, STRIP - inside.length)].sort((one, other) => one - other);
}

/** A film's card. */
export function filmCard(film) {
  const card = make("button", "card film");
  card.type = "button";
  const poster = make("span", "poster");
  askOnce(ofFilm(film.film_id, "/thumbnails")).then(({ milliseconds }) => {
    if (milliseconds.length) poster.append(picture(film.film_id, milliseconds[Math.floor(milliseconds.length / 2)]));
  }, () => {});
  const head = make("span", "head");
  head.append(named(film.title), make("span", "time", clock(film.duration)));
  const told = make("span", "told");
  told.append(head);
  card.append(poster, told);
  const item = make("li");
  item.append(card);
  return item;
}

function picture(filmId, milliseconds) {
  const image = make("img");
  image.src = ofFilm(filmId, `/thumbnails/${milliseconds}`);
  image.alt = "";
  image.loading = "lazy";
  image.decoding = "async";
  return image;
}

/** A card that is still looked for. */
export function blankCard() {
  const item = make("li", "blank");
  const card = make("span", "card");
  const box = make("span", "strip");
  for (let place = 0; place < STRIP; place += 1) box.append(make("span", "frame"));
  card.append(box, make("span", "told"));
  item.append(card);
  item.ariaHidden = "true";
  return item;
}
