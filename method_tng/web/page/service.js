// What the page asks the service.  A refusal is thrown as a Fault with the service's code.

export class Fault extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** The JSON of a path; `signal` ends it early. */
export async function ask(path, words = {}, signal = undefined) {
  let answer;
  try {
    answer = await fetch(address(path, words), { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Fault("unreachable", String(error));
  }
  const told = await answer.json().catch(() => ({}));
  const code = answer.status === 503 ? "busy" : `status ${answer.status}`; // where no fault of the service's own is told
  if (!answer.ok) throw new Fault(told.code ?? code, told.message ?? "");
  return told;
}

/** Why a file is not given: "refused", "unreachable", or nothing when it is. */
export async function refusalOf(path) {
  const answer = await fetch(path, { method: "HEAD" }).catch(() => null);
  if (!answer) return "unreachable";
  return answer.ok ? "" : "refused";
}

/** A path with its query; values that are empty are left out. */
export function address(path, words = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(words)) {
    if (value !== "" && value !== null && value !== undefined && value !== false) query.append(name, value);
  }
  const told = query.toString();
  return told ? `${path}?${told}` : path;
}

/** The path of something that belongs to a film. */
export function ofFilm(filmId, rest = "") {
  return `/films/${encodeURIComponent(filmId)}${rest}`;
}

const kept = new Map();

/** The same, asked once for each film. */
export function askOnce(path) {
  if (!kept.has(path)) {
    const answer = ask(path);
    answer.catch(() => kept.delete(path));
    kept.set(path, answer);
  }
  return kept.get(path);
}
