// The player: a film from a moment's start on, its timeline, the line that is said, and a cut clip where needed.

import { address, ask, askOnce, ofFilm, refusalOf } from "./service.js";
import { Timeline } from "./timeline.js";
import { clock, say } from "./words.js";

const NEAR = 45; // seconds around a moment that are drawn larger
const LONG = 300; // seconds of a film from which on that is needed
const [BEFORE, AFTER, LONGEST] = [5, 5, 180]; // seconds of a cut clip around its moment, and in all
const STRETCH = 60; // seconds that are cut where there is no moment
const FRAME = 0.05; // seconds by which a browser may miss the second that is sought

const find = (id) => document.getElementById(id);

/** What is playing: {film, moment, moments, curve, lines}. */
export class Player {
  constructor() {
    this.video = find("video");
    this.film = null;
    this.moment = null;
    this.moments = [];
    this.curve = null;
    this.lines = [];
    this.clip = null; // {start, end} of the film, while a cut clip is shown
    this.marked = false; // the end of the moment was told
    this.line = null;
    this.whole = new Timeline(find("whole"), (second) => this.seek(second));
    this.near = new Timeline(find("near"), (second) => this.seek(second));
    this.#listen();
  }

  /** Seconds of the film, also while a cut clip of it is shown. */
  get now() {
    const plays = find("offer").hidden && this.video.readyState > 0;
    return plays ? this.video.currentTime - this.#ahead : this.#sought;
  }

  /** Seconds by which the clock of what is shown is ahead of the film's, which begins with its first picture. */
  get #ahead() {
    return this.clip ? -this.clip.start : this.film.begin;
  }

  /** Shows a film at a moment, or from its beginning; curve and lines follow when they are there. */
  open(film, moment, moments, text, play) {
    const other = this.film?.film_id !== film.film_id;
    Object.assign(this, { film, moment, moments, marked: false });
    find("viewer").hidden = false;
    if (other) {
      this.lines = [];
      this.line = undefined;
      this.clip = null;
      this.#load();
      askOnce(ofFilm(film.film_id, "/subtitles")).then((lines) => this.#take(film, { lines }), () => {});
    }
    if (other || this.text !== text) this.#ask(film, text);
    this.text = text;
    this.tell();
    this.seek(moment?.start ?? 0);
    if (play) this.play();
    else this.video.pause();
  }

  /** Plays; a browser that refuses is left as it is. */
  play() {
    if (find("offer").hidden) this.video.play().catch(() => {});
  }

  /** Plays or pauses. */
  toggle() {
    if (this.video.paused) this.play();
    else this.video.pause();
  }

  /** From the moment's start. */
  replay() {
    this.marked = false;
    this.seek(this.moment?.start ?? 0);
    this.play();
  }

  /** Goes to a second of the film; a cut clip that does not hold it is cut anew. */
  seek(second) {
    const target = Math.min(Math.max(0, second), Math.max(0, this.film.duration - 0.1));
    if (this.clip && (target < this.clip.start || target >= this.clip.end)) {
      this.showClip(target);
    } else {
      this.#sought = target;
      if (this.video.readyState > 0) this.#go();
    }
    this.#show(target);
  }

  /** Shows a cut clip: around the moment when it holds the second, else a stretch from there on. */
  showClip(second = this.#sought) {
    const inside = this.moment && second >= this.moment.start - BEFORE && second < this.moment.end + AFTER;
    const start = Math.max(0, (inside ? this.moment.start : second) - BEFORE);
    const end = Math.min(this.film.duration, start + LONGEST, inside ? this.moment.end + AFTER : second + STRETCH);
    this.clip = { start: Math.floor(start * 100) / 100, end: Math.ceil(end * 100) / 100 };
    this.#sought = second;
    this.#offer("");
    this.#note("cutting");
    this.video.src = address(ofFilm(this.film.film_id, "/clip"), this.clip);
    this.video.load();
    this.play();
  }

  /** Writes all that is said in words. */
  tell() {
    if (!this.film) return;
    const { film, moment } = this;
    find("film").textContent = film.title;
    const place = moment
      ? say("span", { start: clock(moment.start), end: clock(moment.end) })
      : say("whole_film", { length: clock(film.duration) });
    find("span").textContent = film.folder ? `${place} · ${film.folder}` : place;
    const save = find("save");
    save.hidden = !moment || !film.video || moment.end - moment.start > LONGEST;
    if (moment) {
      save.href = address(ofFilm(film.film_id, "/clip"), { start: moment.start, end: moment.end, download: true });
    }
    find("replay").hidden = !moment;
    find("whole").ariaValueMax = film.duration.toFixed(0);
    if (!find("offer").hidden) this.#offer(this.offered);
    this.#note(this.noted);
    this.#draw();
    this.line = undefined;
    this.#show(this.now);
  }

  #sought = 0;

  #listen() {
    const { video } = this;
    video.addEventListener("loadedmetadata", () => {
      if (!video.videoWidth) this.#refused(); // some browsers play the sound of pictures they cannot show
      else this.#go();
    });
    video.addEventListener("error", () => this.#refused());
    video.addEventListener("playing", () => {
      if (this.noted !== "clip_note") this.#note(this.clip ? "clip_note" : "");
      this.#follow();
    });
    video.addEventListener("seeking", () => {
      this.marked = Boolean(this.moment) && this.now >= this.moment.end - FRAME; // who goes beyond wants to see it
    });
    video.addEventListener("seeked", () => this.#show(this.now));
    video.addEventListener("timeupdate", () => this.#watch());
    find("replay").addEventListener("click", () => this.replay());
    find("play-clip").addEventListener("click", () => {
      this.showClip();
      find("whole").focus(); // the button is gone
    });
    new ResizeObserver(() => this.#draw()).observe(find("whole"));
  }

  #load() {
    const { video, film } = this;
    const picture = Math.round(1000 * (this.moment?.start ?? film.duration / 2));
    video.poster = ofFilm(film.film_id, `/thumbnails/${picture}`);
    this.#note("");
    if (film.video) {
      this.#offer("");
      video.src = ofFilm(film.film_id, "/video");
    } else {
      video.removeAttribute("src");
      this.#offer("no_video");
    }
    video.load();
  }

  #go() {
    const target = this.#sought + this.#ahead;
    if (Math.abs(this.video.currentTime - target) > 1e-3) this.video.currentTime = target;
  }

  #refused() {
    if (!this.film || !this.video.hasAttribute("src")) return;
    this.video.pause(); // the sound alone would go on
    if (this.clip) this.#offer("no_clip");
    else this.#offer(this.moment ? "cannot" : "cannot_here");
    this.#note("");
    if (!this.clip) this.#explain(this.film);
  }

  /** Whether it is the browser that refuses the film, or there is none. */
  async #explain(film) {
    const code = await refusalOf(ofFilm(film.film_id, "/video"));
    if (!code || this.film !== film || this.clip) return;
    this.#offer(code === "unreachable" ? "fault_unreachable" : "no_video");
  }

  #offer(word) {
    this.offered = word;
    const box = find("offer");
    box.hidden = !word;
    box.querySelector("p").textContent = word ? say(word) : "";
    find("play-clip").hidden = !word.startsWith("cannot");
    this.video.controls = !word;
  }

  #note(word) {
    this.noted = word;
    const span = this.clip && { start: clock(this.clip.start), end: clock(this.clip.end) };
    find("note").textContent = word ? say(word, span ?? {}) : "";
  }

  async #ask(film, text) {
    this.curve = null;
    if (text) {
      const curve = await ask(ofFilm(film.film_id, "/curve"), { text }).catch(() => null);
      if (this.text === text) this.#take(film, { curve });
    }
  }

  #take(film, found) {
    if (this.film?.film_id !== film.film_id) return;
    Object.assign(this, found);
    this.line = undefined;
    this.#draw();
    this.#show(this.now);
  }

  #draw() {
    if (!this.film) return;
    const { film, moment, curve, lines } = this;
    const moments = this.moments.filter((one) => one.film_id === film.film_id);
    const what = { curve, moments, chosen: moment, lines };
    const closer = moment && film.duration > LONG;
    const near = closer && { start: Math.max(0, moment.start - NEAR), end: Math.min(film.duration, moment.end + NEAR) };
    this.whole.draw({ from: 0, to: film.duration, near, ...what });
    find("near").hidden = !closer;
    if (closer) this.near.draw({ from: near.start, to: near.end, ...what });
    this.#show(this.now);
  }

  /** Every picture while the film plays. */
  #follow() {
    if (this.following) return;
    this.following = true;
    const step = () => {
      this.#watch();
      this.following = !this.video.paused && !this.video.ended;
      if (this.following) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  #watch() {
    if (this.video.seeking) return;
    const { now, moment } = this;
    if (moment && !this.marked && !this.video.paused && now >= moment.end - FRAME) {
      this.marked = true; // once: who plays on wants to see more
      this.video.pause();
      this.#note("ended");
    }
    this.#show(now);
  }

  #show(second) {
    this.whole.show(second);
    this.near.show(second);
    const slider = find("whole");
    slider.ariaValueNow = second.toFixed(0);
    slider.ariaValueText = say("at", { now: clock(second), all: clock(this.film.duration) });
    const line = this.lines.find((one) => second >= one.start && second < one.end) ?? null;
    if (line === this.line) return;
    this.line = line;
    const box = find("line");
    box.textContent = line ? line.text : this.lines.length ? say("said_none") : "";
    box.classList.toggle("silent", !line);
  }
}
