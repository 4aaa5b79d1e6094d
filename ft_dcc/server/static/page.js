// src/clip.ts
var TOLERANCE = 0.05;
function parseRate(text) {
  const match = /^(\d+)(?:\/(\d+))?$/.exec(text.trim());
  if (match === null) return null;
  const rate = { numerator: Number(match[1]), denominator: Number(match[2] ?? "1") };
  return rate.numerator > 0 && rate.denominator > 0 ? rate : null;
}
function rateText(rate) {
  return String(Number((rate.numerator / rate.denominator).toFixed(3)));
}
var Clip = class _Clip {
  rate;
  firstFrame;
  frameCount;
  constructor(rate, firstFrame, frameCount) {
    this.rate = rate;
    this.firstFrame = firstFrame;
    this.frameCount = frameCount;
  }
  /** The clip these facts describe, or null when one is missing or makes no sense: nothing is guessed. */
  static from(facts) {
    if (facts === null) return null;
    const rate = parseRate(facts.fps);
    if (rate === null || !Number.isSafeInteger(facts.first_frame)) return null;
    if (!Number.isSafeInteger(facts.frame_count) || facts.frame_count < 1) return null;
    return new _Clip(rate, facts.first_frame, facts.frame_count);
  }
  get lastIndex() {
    return this.frameCount - 1;
  }
  /** The shot's frame number at an index. */
  numberAt(index) {
    return this.firstFrame + index;
  }
  /** The index of a shot frame number; the nearest one when the film does not reach that far. */
  indexOf(number) {
    return this.nearest(number - this.firstFrame);
  }
  /** The index that is in the film and nearest to this one. */
  nearest(index) {
    return Math.min(Math.max(Math.round(index), 0), this.lastIndex);
  }
  /**
   * The second to seek to for an index: the middle of its frame.
   *
   * A seek to the start of a frame shows the one before it in a third of all cases.
   */
  middle(index) {
    return (index + 0.5) * this.rate.denominator / this.rate.numerator;
  }
  /** The index of the picture whose presentation time the browser gives. */
  indexAt(mediaTime) {
    return this.nearest(this.position(mediaTime));
  }
  /** A picture with this presentation time can belong to a film of this rate. */
  isOnRate(mediaTime) {
    const position = this.position(mediaTime);
    return Math.abs(position - Math.round(position)) <= TOLERANCE;
  }
  /** A film that lasts this many seconds holds all the frames. */
  fitsInto(seconds) {
    return this.position(seconds) > this.frameCount - 1;
  }
  /** The time code of an index, counted from 00:00:00:00 without dropped numbers. */
  timeCode(index) {
    const base = Math.max(1, Math.round(this.rate.numerator / this.rate.denominator));
    const seconds = Math.floor(index / base);
    return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60, index % base].map((part) => String(part).padStart(2, "0")).join(":");
  }
  position(seconds) {
    return seconds * this.rate.numerator / this.rate.denominator;
  }
};

// src/dom.ts
function find(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`The page has no ${kind.name} with the id ${id}.`);
  return found;
}
function make(name, className = "", ...content) {
  const element = document.createElement(name);
  if (className !== "") element.className = className;
  element.append(...content);
  return element;
}
function icon(symbol) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(namespace, "use");
  use.setAttribute("href", `#${symbol}`);
  svg.append(use);
  return svg;
}
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// src/facts.ts
function versionText(entry) {
  return `v${String(entry.version).padStart(3, "0")}`;
}
function showReview(review) {
  find("session-name", HTMLElement).textContent = review.name;
  find("session-project", HTMLElement).textContent = review.project;
  find("session-closed", HTMLElement).hidden = review.is_open;
}
function showEntry(entry, review) {
  document.title = `${entry.name} ${versionText(entry)} · ${review.name}`;
  const panel = find("facts", HTMLElement);
  const title = make("h2", "facts-title", entry.name, make("span", "facts-version", versionText(entry)));
  const list = make("dl", "facts-list");
  for (const [term, value] of rows(entry)) {
    list.append(make("div", "", make("dt", "", term), make("dd", "", value)));
  }
  panel.replaceChildren(title, list);
  for (const text of /* @__PURE__ */ new Set([entry.comment, entry.description])) {
    if (text !== "") panel.append(make("p", "facts-comment", text));
  }
}
function showNoEntry(review) {
  document.title = review === null ? "Review" : review.name;
  find("facts", HTMLElement).replaceChildren();
}
function rows(entry) {
  const known = [
    ["Shot", entry.path.join(" / ")],
    ["Task", entry.task],
    ["Asset", entry.asset_type === "" ? entry.asset : `${entry.asset} · ${entry.asset_type}`],
    ["By", entry.author]
  ];
  if (entry.date !== null) known.push(["Published", moment(entry.date)]);
  const { film } = entry;
  if (film !== null && film.width !== null && film.height !== null) {
    known.push(["Size", `${film.width} × ${film.height}`]);
  }
  return known.filter(([, value]) => value !== "");
}
function moment(iso) {
  const format = new Intl.DateTimeFormat(void 0, { dateStyle: "medium", timeStyle: "short" });
  const time = make("time", "", format.format(new Date(iso)));
  time.dateTime = iso;
  return time;
}

// src/server.ts
var PATIENCE = 1e4;
var PAUSE = 15e3;
var PAUSE_WHEN_LOST = 3e3;
function address(relative) {
  return `${location.pathname.replace(/\/+$/, "")}/${relative}`;
}
async function readReview() {
  try {
    const response = await fetch(address("data"), { signal: AbortSignal.timeout(PATIENCE) });
    if (response.status === 404) return "link-invalid";
    return response.ok ? await response.json() : "unreachable";
  } catch {
    return "unreachable";
  }
}
function watchReview(onAnswer) {
  let timer = 0;
  let isReading = false;
  const read = async () => {
    if (isReading) return;
    isReading = true;
    clearTimeout(timer);
    const answer = await readReview();
    isReading = false;
    onAnswer(answer);
    if (answer === "link-invalid") return;
    timer = window.setTimeout(readIfSeen, answer === "unreachable" ? PAUSE_WHEN_LOST : PAUSE);
  };
  const readIfSeen = () => {
    if (document.visibilityState === "visible") void read();
  };
  document.addEventListener("visibilitychange", readIfSeen);
  window.addEventListener("online", readIfSeen);
  window.addEventListener("offline", () => onAnswer("unreachable"));
  void read();
  return { now: readIfSeen };
}
async function examineFilm(url) {
  try {
    const response = await fetch(url, { headers: { Range: "bytes=0-0" }, signal: AbortSignal.timeout(PATIENCE) });
    await response.body?.cancel();
    if (response.ok) return "undecodable";
    return response.status === 404 ? "film-gone" : "lost-connection";
  } catch {
    return "lost-connection";
  }
}

// src/entries.ts
var Entries = class {
  /** The versions in the order of the session. */
  all = [];
  current = null;
  list = find("entry-list", HTMLOListElement);
  onSelect;
  shown = "";
  constructor(onSelect) {
    this.onSelect = onSelect;
  }
  /** Shows these versions; the selected one stays selected while it is among them. */
  show(entries) {
    this.all = entries;
    setText(find("entry-count", HTMLElement), String(entries.length));
    const said = JSON.stringify(entries);
    if (said === this.shown) return;
    this.shown = said;
    this.list.replaceChildren(...entries.map((entry) => this.row(entry)));
    this.current = entries.find(({ id }) => id === this.current?.id) ?? null;
    this.mark();
  }
  /** Selects the version with this id; false when it is not in the session. */
  select(id) {
    const entry = this.all.find((candidate) => candidate.id === id);
    if (entry === void 0) return false;
    this.current = entry;
    this.mark();
    this.onSelect(entry);
    return true;
  }
  /** Selects the version this many places further down the list; there is none beyond the ends. */
  move(places) {
    const index = this.all.findIndex(({ id }) => id === this.current?.id);
    const next = this.all[index + places];
    if (next !== void 0) this.select(next.id);
  }
  mark() {
    for (const link of this.list.querySelectorAll("a")) {
      const isCurrent = link.dataset["id"] === this.current?.id;
      if (isCurrent) {
        link.setAttribute("aria-current", "true");
        this.reveal(link);
      } else {
        link.removeAttribute("aria-current");
      }
    }
  }
  /** Scrolls the list, and only the list, until all of the entry is in sight. */
  reveal(link) {
    const [inner, outer] = [link.getBoundingClientRect(), this.list.getBoundingClientRect()];
    this.list.scrollTop += Math.min(0, inner.top - outer.top) + Math.max(0, inner.bottom - outer.bottom);
    this.list.scrollLeft += Math.min(0, inner.left - outer.left) + Math.max(0, inner.right - outer.right);
  }
  row(entry) {
    const link = make("a", "entry", this.picture(entry), this.caption(entry));
    link.href = `#${encodeURIComponent(entry.id)}`;
    link.dataset["id"] = entry.id;
    link.draggable = false;
    return make("li", "", link);
  }
  picture(entry) {
    const frame = make("span", "entry-picture");
    if (entry.thumbnail === null) {
      frame.append(icon("icon-film"));
      return frame;
    }
    const image = make("img");
    image.alt = "";
    image.loading = "lazy";
    image.decoding = "async";
    image.addEventListener("error", () => image.replaceWith(icon("icon-film")));
    image.src = address(entry.thumbnail);
    frame.append(image);
    return frame;
  }
  caption(entry) {
    const detail = make("span", "entry-detail", make("span", "entry-version", versionText(entry)));
    if (!entry.name.includes(entry.task)) detail.append(` · ${entry.task}`);
    return make("span", "entry-caption", make("span", "entry-name", entry.name), detail);
  }
};

// src/keys.ts
var KEYS = [
  { command: "toggle", keys: [" "], shown: ["Space"], text: "Play, pause" },
  { command: "back", keys: ["ArrowLeft"], shown: ["←"], text: "One frame back" },
  { command: "forward", keys: ["ArrowRight"], shown: ["→"], text: "One frame forward" },
  { command: "back-ten", keys: ["Shift+ArrowLeft"], shown: ["Shift ←"], text: "Ten frames back" },
  { command: "forward-ten", keys: ["Shift+ArrowRight"], shown: ["Shift →"], text: "Ten frames forward" },
  { command: "first", keys: ["Home"], shown: ["Home"], text: "First frame" },
  { command: "last", keys: ["End"], shown: ["End"], text: "Last frame" },
  { command: "shuttle-back", keys: ["j"], shown: ["J"], text: "Play backwards, again: faster" },
  { command: "stop", keys: ["k"], shown: ["K"], text: "Stop" },
  { command: "shuttle-forward", keys: ["l"], shown: ["L"], text: "Play, again: faster" },
  { command: "loop", keys: ["r"], shown: ["R"], text: "Loop on, off" },
  { command: "mute", keys: ["m"], shown: ["M"], text: "Sound on, off" },
  { command: "previous-entry", keys: ["ArrowUp", "PageUp"], shown: ["↑", "PgUp"], text: "Previous version in the list" },
  { command: "next-entry", keys: ["ArrowDown", "PageDown"], shown: ["↓", "PgDn"], text: "Next version in the list" },
  { command: "full-screen", keys: ["f"], shown: ["F"], text: "Full screen" },
  { command: "help", keys: ["?", "Shift+?"], shown: ["?"], text: "These keys" }
];
var SCROLLING = /* @__PURE__ */ new Set(["previous-entry", "next-entry"]);
function commandOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const pressed = event.shiftKey ? `Shift+${name}` : name;
  const command = KEYS.find(({ keys }) => keys.includes(pressed))?.command ?? null;
  return command === null || belongsToFocus(event, command) ? null : command;
}
function belongsToFocus(event, command) {
  const { target } = event;
  if (!(target instanceof Element)) return false;
  if (target.matches("input, textarea, [contenteditable]")) return true;
  if (command === "toggle") return target.matches("button:focus-visible, a:focus-visible");
  return SCROLLING.has(command) && target.matches("[data-scrolls]:focus-visible");
}
function keysDialog() {
  const dialog = find("keys", HTMLDialogElement);
  const list = find("keys-list", HTMLElement);
  for (const { shown, text } of KEYS) {
    const names = shown.map((name) => make("kbd", "", name));
    list.append(make("div", "", make("dt", "", ...names), make("dd", "", text)));
  }
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return () => dialog.open ? dialog.close() : dialog.showModal();
}

// src/notices.ts
var ON_STAGE = {
  loading: { title: "Loading the review", text: "" },
  empty: {
    title: "Nothing to review yet",
    text: "Versions appear here by themselves as soon as they are published into this session."
  },
  "no-film": {
    title: "This version has no film",
    text: "It was published without one that a browser can play. Publish the shot again to make one."
  },
  "film-gone": {
    title: "The film is not on the server",
    text: "The version is registered, its file is missing. Ask whoever published it to publish again.",
    action: "Try again"
  },
  undecodable: {
    title: "This film cannot be played",
    text: "The browser cannot decode the file: it is damaged, or it is not H.264. Publish the shot again to replace it.",
    action: "Try again"
  },
  "link-invalid": {
    title: "This link is not valid any more",
    text: "The review session was removed or its link was changed. Ask for a new link."
  },
  unreachable: {
    title: "The server does not answer",
    text: "The page keeps trying and goes on by itself once the server is back.",
    action: "Try now"
  },
  "lost-connection": {
    title: "The connection was lost",
    text: "The film goes on from this frame once the server is back.",
    action: "Try now"
  }
};
var BESIDE = {
  unreachable: {
    title: "No connection.",
    text: "What is loaded keeps playing; the page goes on by itself once the server is back.",
    action: "Try now"
  },
  "no-ranges": {
    title: "Frames cannot be reached.",
    text: "The server, or a proxy before it, answers without byte ranges. The film plays from its start only."
  },
  "no-exact-rate": {
    title: "No frame numbers.",
    text: "This film was published without its exact rate, and numbers are never guessed. Publish again to have them."
  },
  "no-frame-callback": {
    title: "No frame numbers.",
    text: "This browser does not tell which frame it shows. Any current Chrome, Edge, Safari or Firefox does."
  },
  "wrong-rate": {
    title: "No frame numbers.",
    text: "The film does not run at the rate that it was published with. Publish again to repair it."
  },
  "cut-short": {
    title: "No frame numbers.",
    text: "The film is shorter than the frames that it was published with. Publish again to repair it."
  },
  "frame-unreachable": {
    title: "Another frame is shown.",
    text: "The browser did not reach the frame that was asked for. The number belongs to the picture on the screen."
  },
  "entry-gone": {
    title: "The link names a version that is not in this session.",
    text: "This is the first one instead."
  }
};
var Notices = class {
  stage = find("stage-notice", HTMLElement);
  strip = find("strip-notice", HTMLElement);
  onAction;
  constructor(onAction) {
    this.onAction = onAction;
  }
  showOnStage(notice) {
    this.fill(this.stage, notice, ON_STAGE);
  }
  showBeside(notice) {
    this.fill(this.strip, notice, BESIDE);
  }
  fill(place, notice, words) {
    if ((place.dataset["notice"] ?? "") === (notice ?? "")) return;
    place.dataset["notice"] = notice ?? "";
    const said = notice === null ? void 0 : words[notice];
    place.replaceChildren();
    place.hidden = said === void 0;
    if (said === void 0 || notice === null) return;
    place.append(notice === "loading" ? make("span", "spinner") : icon(`icon-${said.action ? "broken" : "note"}`));
    place.append(make("strong", "", said.title), make("p", "", said.text));
    if (said.action === void 0) return;
    const button = make("button", "text-button", said.action);
    button.type = "button";
    button.addEventListener("click", () => this.onAction(notice));
    place.append(button);
  }
};

// src/player.ts
var MAX_SPEED = 8;
var OVERDUE = 400;
var Player = class {
  clip = null;
  /** The index of the picture on the screen; null before the first one. */
  index = null;
  /** The film can be set to any of its frames. */
  canSeek = false;
  /** Frames a second against the film's own rate; negative backwards, 0 while it stands. */
  speed = 0;
  isWaiting = false;
  video;
  onChange;
  onTrouble;
  callback = 0;
  wanted = null;
  sought = null;
  attempts = 0;
  overdue = 0;
  start = 0;
  backwards = 0;
  loops = true;
  constructor(video, onChange, onTrouble) {
    this.video = video;
    this.onChange = onChange;
    this.onTrouble = onTrouble;
    video.addEventListener("loadedmetadata", () => this.begin());
    video.addEventListener("seeked", () => this.continueSeeking());
    video.addEventListener("ended", () => this.end());
    video.addEventListener("error", () => this.fail());
    for (const type of ["waiting", "seeking"]) video.addEventListener(type, () => this.wait(true));
    for (const type of ["playing", "seeked", "canplay"]) video.addEventListener(type, () => this.wait(false));
    for (const type of ["progress", "timeupdate", "durationchange"]) video.addEventListener(type, onChange);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.wanted !== null) this.goTo(this.wanted);
    });
  }
  get isPlaying() {
    return this.speed !== 0;
  }
  get isLooping() {
    return this.loops;
  }
  set isLooping(loops) {
    this.loops = loops;
    this.setSpeed(this.speed);
    this.onChange();
  }
  /** The film has been heard to have sound; each engine tells it in its own way, some only once it plays. */
  get hasSound() {
    const video = this.video;
    return Boolean(video.audioTracks?.length || video.mozHasAudio || video.webkitAudioDecodedByteCount);
  }
  get isMuted() {
    return this.video.muted;
  }
  set isMuted(isMuted) {
    this.video.muted = isMuted;
    this.onChange();
  }
  /** The frame that is asked for: the one on the screen, or the one that a seek is on its way to. */
  get target() {
    return this.wanted ?? this.index ?? 0;
  }
  /** Shows another film from an index on; `clip` is null when its exact facts are unknown. */
  open(url, clip, start = 0) {
    this.close();
    this.clip = clip;
    this.start = start;
    this.isWaiting = true;
    if (clip !== null && !("requestVideoFrameCallback" in this.video)) this.lose("no-frame-callback");
    this.video.src = url;
    this.video.load();
    this.awaitPicture();
    this.onChange();
  }
  /** Nothing is on the screen. */
  close() {
    this.stopBackwards();
    clearTimeout(this.overdue);
    if ("cancelVideoFrameCallback" in this.video) this.video.cancelVideoFrameCallback(this.callback);
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    this.clip = this.index = this.wanted = this.sought = null;
    this.canSeek = this.isWaiting = false;
    this.setSpeed(0);
    this.onChange();
  }
  /** Plays at a speed against the film's own rate; a negative one plays backwards. */
  play(speed = 1) {
    if (speed < 0) {
      this.playBackwards(speed);
      return;
    }
    this.stopBackwards();
    if (this.clip !== null && this.canSeek && this.target === this.clip.lastIndex) this.goTo(0);
    this.setSpeed(speed);
    this.video.playbackRate = speed;
    this.video.play().catch((error) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") this.pause();
    });
    this.onChange();
  }
  /** Plays faster in this direction: 1, 2, 4, 8 times; from the other direction it starts at 1. */
  shuttle(direction) {
    const isFaster = this.speed * direction > 0;
    this.play(isFaster ? direction * Math.min(Math.abs(this.speed) * 2, MAX_SPEED) : direction);
  }
  /** Stands still on the picture that is on the screen. */
  pause() {
    this.stopBackwards();
    this.setSpeed(0);
    this.video.pause();
    if (this.index !== null && this.canSeek) this.goTo(this.target);
    this.onChange();
  }
  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }
  /** Stands still, this many frames from the one on the screen. */
  step(frames) {
    this.show(this.target + frames);
  }
  /** Stands still on an index, or on the nearest one in the film. */
  show(index) {
    if (this.isPlaying) this.pause();
    if (this.clip?.nearest(index) !== this.target) this.goTo(index);
  }
  /** Moves a film without exact facts to a part of its length between 0 and 1. */
  showPart(part) {
    if (this.clip === null && Number.isFinite(this.video.duration)) this.video.currentTime = part * this.video.duration;
  }
  goTo(index) {
    if (this.clip === null || !this.canSeek) return;
    this.wanted = this.clip.nearest(index);
    this.attempts = 0;
    if (!this.video.seeking) this.seek();
    this.onChange();
  }
  seek() {
    if (this.clip === null || this.wanted === null) return;
    this.sought = this.wanted;
    this.attempts += 1;
    this.video.currentTime = this.clip.middle(this.wanted);
  }
  begin() {
    const { seekable, duration } = this.video;
    const end = seekable.length > 0 ? seekable.end(seekable.length - 1) : 0;
    this.canSeek = end > 0 && end >= duration - 1e-3;
    if (!this.canSeek) this.onTrouble("no-ranges");
    if (this.clip !== null && !this.clip.fitsInto(duration)) this.lose("cut-short");
    this.goTo(this.start);
    this.onChange();
  }
  awaitPicture() {
    if (!("requestVideoFrameCallback" in this.video)) return;
    this.callback = this.video.requestVideoFrameCallback((_now, metadata) => {
      this.awaitPicture();
      this.showed(metadata.mediaTime);
    });
  }
  showed(mediaTime) {
    this.isWaiting = false;
    if (this.clip === null) return;
    if (!this.clip.isOnRate(mediaTime)) {
      this.lose("wrong-rate");
      return;
    }
    this.index = this.clip.indexAt(mediaTime);
    if (!this.video.seeking) this.settle();
    this.onChange();
  }
  continueSeeking() {
    if (this.wanted !== this.sought) this.seek();
    else if (this.index === this.wanted) this.settle();
    else this.watchForPicture();
  }
  /**
   * A busy browser may show a picture and never call back. It shows the same one again, and tells of it, only
   * when it comes from another: by way of a neighbour.
   */
  watchForPicture() {
    clearTimeout(this.overdue);
    this.overdue = window.setTimeout(() => {
      if (this.clip === null || this.wanted === null || this.wanted !== this.sought) return;
      if (this.video.seeking || document.visibilityState !== "visible") return;
      this.sought = this.wanted === 0 ? this.clip.nearest(1) : this.wanted - 1;
      this.video.currentTime = this.clip.middle(this.sought);
    }, OVERDUE);
  }
  /** A seek is over when its picture is on the screen; the browser's word alone does not count. */
  settle() {
    if (this.wanted === null || this.wanted !== this.sought) return;
    if (this.index !== this.wanted && !this.isPlaying) {
      if (this.attempts < 2) {
        this.seek();
        return;
      }
      this.onTrouble("frame-unreachable");
    }
    this.wanted = this.sought = null;
  }
  playBackwards(speed) {
    if (this.clip === null || !this.canSeek) return;
    this.stopBackwards();
    this.setSpeed(speed);
    this.video.pause();
    const clip = this.clip;
    let origin = this.target === 0 ? clip.frameCount : this.target;
    let begun = performance.now();
    const perMillisecond = -speed * clip.rate.numerator / clip.rate.denominator / 1e3;
    const tick = (now) => {
      this.backwards = requestAnimationFrame(tick);
      const index = origin - Math.max(1, Math.floor((now - begun) * perMillisecond));
      if (index < 0 && this.isLooping) {
        [origin, begun] = [clip.frameCount, now];
      } else if (index < 0) {
        this.show(0);
      } else if (this.wanted === null && index !== this.index) {
        this.goTo(index);
      }
    };
    this.backwards = requestAnimationFrame(tick);
    this.onChange();
  }
  /** A seek into the last frame counts as its end: an element that loops would stand on the first one then. */
  setSpeed(speed) {
    this.speed = speed;
    this.video.loop = this.loops && speed > 0;
  }
  stopBackwards() {
    cancelAnimationFrame(this.backwards);
  }
  end() {
    if (!this.isPlaying) return;
    this.setSpeed(0);
    if (this.clip !== null) this.goTo(this.clip.lastIndex);
    this.onChange();
  }
  wait(isWaiting) {
    this.isWaiting = isWaiting;
    this.onChange();
  }
  fail() {
    const code = this.video.error?.code;
    this.stopBackwards();
    this.setSpeed(0);
    this.isWaiting = this.canSeek = false;
    this.onTrouble(code === MediaError.MEDIA_ERR_NETWORK ? "lost-connection" : "undecodable");
    this.onChange();
  }
  /** The film plays on, but its frames have no numbers any more. */
  lose(trouble) {
    this.clip = this.index = this.wanted = this.sought = null;
    this.onTrouble(trouble);
    this.onChange();
  }
};

// src/ticks.ts
function ticks(clip, room) {
  const last = clip.lastIndex;
  if (last === 0) return [0];
  const clear = last / Math.max(1, room);
  const step = roundStep(clear);
  const found = [0];
  const first = Math.ceil(clip.firstFrame / step) * step - clip.firstFrame;
  for (let index = first; index < last; index += step) {
    if (index >= clear && last - index >= clear) found.push(index);
  }
  return [...found, last];
}
function roundStep(least) {
  let power = 1;
  for (; ; ) {
    for (const factor of [1, 2, 5]) {
      if (factor * power >= least) return factor * power;
    }
    power *= 10;
  }
}

// src/timeline.ts
var LABEL_WIDTH = 4;
var Timeline = class {
  root = find("timeline", HTMLElement);
  track = find("track", HTMLElement);
  labels = find("tick-labels", HTMLElement);
  buffered = find("buffered", HTMLElement);
  hint = find("frame-hint", HTMLElement);
  player;
  video;
  room = 0;
  drawn = "";
  constructor(player, video) {
    this.player = player;
    this.video = video;
    this.root.addEventListener("pointerdown", (event) => this.begin(event));
    this.root.addEventListener("pointermove", (event) => this.move(event));
    this.root.addEventListener("pointerleave", () => this.hint.hidden = true);
    new ResizeObserver(() => this.measure()).observe(this.track);
  }
  /** Draws what the player says. */
  render() {
    const { clip } = this.player;
    this.drawTicks();
    this.drawBuffered();
    const count = clip?.frameCount ?? 0;
    const begin = clip ? this.player.target / count : this.video.currentTime / (this.video.duration || Infinity);
    this.root.style.setProperty("--head", String(begin));
    this.root.style.setProperty("--cell", String(clip ? 1 / count : 0));
    this.root.dataset["seekable"] = String(this.player.canSeek);
    this.describe();
  }
  measure() {
    const letter = parseFloat(getComputedStyle(this.track).fontSize);
    this.room = Math.floor(this.track.clientWidth / (letter * LABEL_WIDTH));
    this.render();
  }
  /** Tells a screen reader what the slider stands on. */
  describe() {
    const { clip, target } = this.player;
    this.root.setAttribute("aria-disabled", String(!this.player.canSeek));
    this.root.setAttribute("aria-valuemin", String(clip?.firstFrame ?? 0));
    this.root.setAttribute("aria-valuemax", String(clip?.numberAt(clip.lastIndex) ?? 0));
    this.root.setAttribute("aria-valuenow", String(clip?.numberAt(target) ?? 0));
    this.root.setAttribute("aria-valuetext", clip ? `Frame ${clip.numberAt(target)}` : "No frame numbers");
  }
  drawTicks() {
    const { clip } = this.player;
    const key = clip ? `${clip.firstFrame} ${clip.frameCount} ${this.room}` : "";
    if (key === this.drawn) return;
    this.drawn = key;
    this.labels.replaceChildren();
    if (clip === null) return;
    for (const index of ticks(clip, this.room)) {
      const label = make("span", "tick", String(clip.numberAt(index)));
      label.style.setProperty("--at", String((index + 0.5) / clip.frameCount));
      this.labels.append(label);
    }
    this.labels.firstElementChild?.classList.add("tick-first");
    this.labels.lastElementChild?.classList.add("tick-last");
  }
  drawBuffered() {
    const { buffered, duration } = this.video;
    const end = buffered.length > 0 && duration > 0 ? buffered.end(buffered.length - 1) / duration : 0;
    this.buffered.style.setProperty("--until", String(Math.min(1, end)));
  }
  begin(event) {
    if (event.button !== 0 || !this.player.canSeek) return;
    this.root.setPointerCapture(event.pointerId);
    this.scrub(event);
  }
  move(event) {
    this.showHint(event);
    if (this.root.hasPointerCapture(event.pointerId)) this.scrub(event);
  }
  scrub(event) {
    const { clip } = this.player;
    const part = this.partAt(event);
    if (clip === null) this.player.showPart(part);
    else this.player.show(Math.floor(part * clip.frameCount));
  }
  showHint(event) {
    const { clip } = this.player;
    this.hint.hidden = clip === null || !this.player.canSeek;
    if (clip === null) return;
    const part = this.partAt(event);
    const index = clip.nearest(Math.floor(part * clip.frameCount));
    setText(this.hint, String(clip.numberAt(index)));
    this.hint.style.setProperty("--at", String(part));
  }
  partAt(event) {
    const { left, width } = this.track.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - left) / width, 0), 1);
  }
};

// src/transport.ts
var Transport = class {
  root = find("transport", HTMLElement);
  field = find("frame-number", HTMLInputElement);
  position = find("frame-position", HTMLElement);
  timeCode = find("time-code", HTMLElement);
  rate = find("frame-rate", HTMLElement);
  speed = find("speed", HTMLElement);
  play = find("play", HTMLButtonElement);
  loop = find("loop", HTMLButtonElement);
  sound = find("sound", HTMLButtonElement);
  player;
  video;
  constructor(player, video, run) {
    this.player = player;
    this.video = video;
    for (const button of this.root.querySelectorAll("button[data-command]")) {
      button.addEventListener("click", () => run(button.dataset["command"]));
    }
    find("full-screen", HTMLButtonElement).hidden = !document.fullscreenEnabled;
    this.field.addEventListener("focus", () => this.field.select());
    this.field.addEventListener("keydown", (event) => this.typed(event));
    this.field.addEventListener("blur", () => this.render());
  }
  /** Shows what the player says. */
  render() {
    const { clip, index, isPlaying, speed } = this.player;
    if (document.activeElement !== this.field) {
      this.field.value = clip && index !== null ? String(clip.numberAt(index)) : "–";
    }
    this.root.dataset["numbers"] = String(clip !== null);
    this.field.disabled = clip === null || !this.player.canSeek;
    setText(this.position, clip && index !== null ? `${index + 1} / ${clip.frameCount}` : "–");
    setText(this.timeCode, clip && index !== null ? clip.timeCode(index) : clock(this.video.currentTime));
    setText(this.rate, clip ? `${rateText(clip.rate)} fps` : "");
    setText(this.speed, Math.abs(speed) > 1 || speed < 0 ? `${speed}×` : "");
    this.renderButtons(isPlaying);
  }
  renderButtons(isPlaying) {
    this.root.dataset["playing"] = String(isPlaying);
    this.play.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
    this.play.disabled = !this.video.hasAttribute("src") || this.video.error !== null;
    this.loop.setAttribute("aria-pressed", String(this.player.isLooping));
    this.sound.hidden = !this.player.hasSound;
    this.sound.setAttribute("aria-pressed", String(!this.player.isMuted));
    for (const button of this.root.querySelectorAll("button[data-needs-frames]")) {
      button.disabled = this.player.clip === null || !this.player.canSeek;
    }
  }
  /** Enter goes to the frame that was typed, Escape forgets it. */
  typed(event) {
    const { clip } = this.player;
    if (event.key === "Enter" && clip !== null && /^\s*-?\d+\s*$/.test(this.field.value)) {
      this.player.show(clip.indexOf(Number(this.field.value)));
    }
    if (event.key === "Enter" || event.key === "Escape") this.field.blur();
  }
};
function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// src/page.ts
var Page = class {
  video = find("film", HTMLVideoElement);
  stage = find("stage", HTMLElement);
  player = new Player(this.video, () => this.render(), (trouble) => this.report(trouble));
  timeline = new Timeline(this.player, this.video);
  transport = new Transport(this.player, this.video, (command) => this.run(command));
  entries = new Entries((entry) => this.open(entry));
  notices = new Notices(() => this.retry());
  toggleHelp = keysDialog();
  watch;
  review = null;
  isConnected = true;
  filmNotice = null;
  besideNotice = null;
  constructor() {
    document.addEventListener("keydown", (event) => this.press(event));
    document.addEventListener("mousedown", (event) => {
      if (event.target instanceof Element && event.target.closest("button") !== null) event.preventDefault();
    });
    this.video.addEventListener("click", () => this.player.toggle());
    find("show-keys", HTMLButtonElement).addEventListener("click", this.toggleHelp);
    window.addEventListener("hashchange", () => this.follow());
    this.watch = watchReview((answer) => this.receive(answer));
    this.render();
  }
  receive(answer) {
    if (typeof answer === "string") {
      this.isConnected = false;
      if (answer === "link-invalid") {
        this.player.close();
        this.filmNotice = "link-invalid";
      }
      this.render();
      return;
    }
    const wasLost = !this.isConnected && this.filmNotice === "lost-connection";
    const isFirst = this.review === null;
    this.isConnected = true;
    this.review = answer;
    showReview(answer);
    this.entries.show(answer.entries);
    if (isFirst || this.entries.current === null) this.follow();
    else if (wasLost) this.retry();
    this.render();
  }
  /** Selects what the address names, or the first version. */
  follow() {
    const named = decodeURIComponent(location.hash.slice(1));
    if (named !== "" && this.entries.select(named)) return;
    const first = this.entries.all[0];
    if (first === void 0) {
      this.player.close();
      showNoEntry(this.review);
      return;
    }
    this.entries.select(first.id);
    if (named !== "") this.besideNotice = "entry-gone";
    this.render();
  }
  open(entry, start = 0) {
    if (this.review === null) return;
    showEntry(entry, this.review);
    history.replaceState(null, "", `#${encodeURIComponent(entry.id)}`);
    this.filmNotice = this.besideNotice = null;
    if (entry.film === null) {
      this.player.close();
      this.filmNotice = "no-film";
      return;
    }
    const clip = Clip.from(entry.film.exact);
    if (clip === null) this.besideNotice = "no-exact-rate";
    this.player.open(address(entry.film.url), clip, start);
  }
  /** Opens the film again where it stood, and asks the server at once. */
  retry() {
    this.watch.now();
    if (this.entries.current !== null) this.open(this.entries.current, this.player.target);
  }
  report(trouble) {
    if (trouble === "undecodable" || trouble === "lost-connection") void this.explain(trouble);
    else this.besideNotice = trouble;
    this.render();
  }
  /** The browser says the same of a film it cannot decode and of one it cannot get. */
  async explain(trouble) {
    const entry = this.entries.current;
    if (entry === null || entry.film === null) return;
    this.filmNotice = trouble;
    const found = await examineFilm(address(entry.film.url));
    if (entry !== this.entries.current) return;
    this.filmNotice = trouble === "lost-connection" && found === "undecodable" ? trouble : found;
    if (found === "lost-connection") this.isConnected = false;
    this.render();
  }
  press(event) {
    const command = commandOf(event);
    if (command === null) return;
    event.preventDefault();
    this.run(command);
  }
  run(command) {
    const { player } = this;
    const commands = {
      toggle: () => player.toggle(),
      back: () => player.step(-1),
      forward: () => player.step(1),
      "back-ten": () => player.step(-10),
      "forward-ten": () => player.step(10),
      first: () => player.show(0),
      last: () => player.show(player.clip?.lastIndex ?? 0),
      "shuttle-back": () => player.shuttle(-1),
      stop: () => player.pause(),
      "shuttle-forward": () => player.shuttle(1),
      loop: () => player.isLooping = !player.isLooping,
      mute: () => player.isMuted = !player.isMuted,
      "previous-entry": () => this.entries.move(-1),
      "next-entry": () => this.entries.move(1),
      "full-screen": () => void this.toggleFullScreen(),
      help: this.toggleHelp
    };
    commands[command]();
  }
  async toggleFullScreen() {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else if (document.fullscreenEnabled) await find("viewer", HTMLElement).requestFullscreen();
  }
  render() {
    this.timeline.render();
    this.transport.render();
    this.stage.dataset["waiting"] = String(this.player.isWaiting);
    this.video.hidden = !this.video.hasAttribute("src") || this.filmNotice !== null;
    this.notices.showOnStage(this.stageNotice());
    this.notices.showBeside(this.isConnected || this.review === null ? this.besideNotice : "unreachable");
    find("page", HTMLElement).dataset["state"] = this.review === null ? "loading" : "loaded";
  }
  stageNotice() {
    if (this.filmNotice !== null) return this.filmNotice;
    if (this.review === null) return this.isConnected ? "loading" : "unreachable";
    return this.review.entries.length === 0 ? "empty" : null;
  }
};
new Page();
