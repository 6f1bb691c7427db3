// What the page says, in English and in Chinese.  {name} is filled in.

const WORDS = {
  en: {
    name: "Moments in movies", other: "中文", home: "Start", skip: "To the results",
    sentence: "Describe a moment: what is seen, done or said", search: "Search",
    theme: "Light or dark", grouped: "Best of each film", folder: "Folder", every_folder: "All folders",
    only: "Only in {title}", remove: "remove", export: "Export", chapters: "{kind} chapters of this film",
    films: "{count} films, {length}. Type a sentence to find a moment in them.",
    films_one: "1 film, {length}. Type a sentence to find a moment in it.",
    films_none: "There is no film in this index yet. Films are put into it with: index.sh add",
    looking: "Searching…", loading: "Loading…",
    found: "{shown} of {total} moments in {seconds} s", found_none: "No moment was found.",
    hint_none: "Try other words, or take the filters away.",
    more: "Show more", again: "Try again",
    high: "strong", middle: "fair", low: "weak", score: "score {score}",
    viewer: "Player", timeline: "Timeline: how well each part of the film fits the sentence",
    at: "{now} of {all}", span: "Moment {start} – {end}", whole_film: "{length} long",
    replay: "Play the moment", save: "Save as MP4", within: "Search only this film",
    ended: "The moment ends here. Space plays on.",
    cannot: "This browser cannot play the film as it is. The moment can be cut out and played as MP4.",
    cannot_here: "This browser cannot play the film as it is. A minute of it can be cut out and played as MP4.",
    no_video: "The film's file is not known to the service, or no longer there.",
    no_clip: "This part of the film cannot be cut out.",
    play_clip: "Play the cut clip", cutting: "Cutting the clip…",
    clip_note: "A cut clip is playing, from {start} to {end}.",
    said_none: "no line is said here",
    hours: "{hours} h {minutes} min", minutes: "{minutes} min", seconds: "{count} s",
    key_type: "type", key_choose: "choose", key_play: "play", key_space: "Space", key_pause: "pause",
    key_seek: "2 s back, forward",
    fault_busy: "The service is busy. Try again in a few seconds.",
    fault_unreadable: "The model behind this index cannot read this sentence: {message}.",
    fault_invalid_request: "The sentence is empty or too long.",
    fault_unknown_film: "This film is not in the index any more. Load the page again.",
    fault_unreachable: "The service does not answer. Is it still running?",
    fault_other: "Something went wrong at the service ({code}).",
  },
  zh: {
    name: "电影片段搜索", other: "English", home: "首页", skip: "跳到结果",
    sentence: "描述一个片段：画面、动作或台词", search: "搜索",
    theme: "浅色或深色", grouped: "每部影片只取最佳", folder: "文件夹", every_folder: "全部文件夹",
    only: "仅在《{title}》中", remove: "移除", export: "导出", chapters: "本片的 {kind} 章节",
    films: "共 {count} 部影片，{length}。输入一句话，查找其中的片段。",
    films_one: "共 1 部影片，{length}。输入一句话，查找其中的片段。",
    films_none: "索引中还没有影片。用 index.sh add 添加影片。",
    looking: "正在搜索…", loading: "正在加载…",
    found: "{total} 个片段中的 {shown} 个，用时 {seconds} 秒", found_none: "没有找到片段。",
    hint_none: "换一种说法，或去掉筛选条件。",
    more: "显示更多", again: "重试",
    high: "很符合", middle: "较符合", low: "不太符合", score: "得分 {score}",
    viewer: "播放器", timeline: "时间线：影片各处与这句话的符合程度",
    at: "{now}，共 {all}", span: "片段 {start} – {end}", whole_film: "时长 {length}",
    replay: "播放片段", save: "保存为 MP4", within: "只搜索这部影片",
    ended: "片段到此结束，按空格键继续播放。",
    cannot: "浏览器无法直接播放这部影片，可以截取该片段以 MP4 播放。",
    cannot_here: "浏览器无法直接播放这部影片，可以截取一分钟以 MP4 播放。",
    no_video: "服务找不到这部影片的文件。",
    no_clip: "无法截取影片的这一部分。",
    play_clip: "播放截取的片段", cutting: "正在截取…",
    clip_note: "正在播放截取的片段：{start} 至 {end}。",
    said_none: "此处没有台词",
    hours: "{hours} 小时 {minutes} 分钟", minutes: "{minutes} 分钟", seconds: "{count} 秒",
    key_type: "输入", key_choose: "选择", key_play: "播放", key_space: "空格", key_pause: "暂停",
    key_seek: "前后 2 秒",
    fault_busy: "服务正忙，请几秒后重试。",
    fault_unreadable: "这个索引的模型无法读取这句话：{message}。",
    fault_invalid_request: "句子为空或过长。",
    fault_unknown_film: "索引中已没有这部影片，请重新加载页面。",
    fault_unreachable: "服务没有响应，它还在运行吗？",
    fault_other: "服务出错（{code}）。",
  },
};

let language = localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");

/** A phrase in the language of the page. */
export function say(name, values = {}) {
  const phrase = WORDS[language][name] ?? name;
  return phrase.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

/** Writes every phrase that the document names. */
export function speak() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = say("name");
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = say(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) element.ariaLabel = say(element.dataset.label);
  for (const element of document.querySelectorAll("[data-placeholder]")) {
    element.placeholder = say(element.dataset.placeholder);
  }
}

/** The other language, from now on and on the next visit. */
export function changeLanguage() {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
  speak();
}

/** 5 s as 0:05, an hour as 1:00:00. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** 5400 s as 1 h 30 min. */
export function length(seconds) {
  const all = Math.round(seconds / 60);
  const [hours, minutes] = [Math.floor(all / 60), all % 60];
  if (seconds < 60) return say("seconds", { count: Math.round(seconds) });
  return hours ? say("hours", { hours, minutes }) : say("minutes", { minutes });
}
