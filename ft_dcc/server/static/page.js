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

// src/strokes.ts
function placeOf(box, picture) {
  if (picture.width <= 0 || picture.height <= 0) return { left: 0, top: 0, width: 0, height: 0 };
  const scale = Math.min(box.width / picture.width, box.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  return { left: (box.width - width) / 2, top: (box.height - height) / 2, width, height };
}
function pointAt(place, x, y, pressure) {
  const part = (value) => Number(Math.min(Math.max(value, -1), 2).toFixed(5));
  const pressed = pressure > 0 ? Math.min(pressure, 1) : 0.5;
  return [part((x - place.left) / place.width), part((y - place.top) / place.height), Number(pressed.toFixed(3))];
}
function pixelAt(place, point) {
  return { x: place.left + point[0] * place.width, y: place.top + point[1] * place.height };
}
function thickness(place, width, pressure) {
  return Math.max(1, place.height * width * (0.5 + pressure));
}

// src/drawing.ts
var COLOURS = [
  ["Red", "#ff5148"],
  ["Yellow", "#ffd23f"],
  ["Green", "#5bd75b"],
  ["Blue", "#4aa8ff"],
  ["White", "#ffffff"]
];
var WIDTH = 8e-3;
var CLOSEST = 15e-4;
var Drawing = class {
  stage = find("stage", HTMLElement);
  sheet = find("sheet", HTMLCanvasElement);
  tools = find("pens", HTMLElement);
  toggle = find("draw", HTMLButtonElement);
  picture;
  onStroke;
  mayBegin;
  shown = [];
  begun = null;
  colour = COLOURS[0][1];
  active = false;
  /**
   * `picture` says how large the picture on the screen is, in pixels of its own, `mayBegin` whether a stroke belongs
   * on it; `onStroke` gets each that is finished.
   */
  constructor(picture, mayBegin, onStroke) {
    this.picture = picture;
    this.mayBegin = mayBegin;
    this.onStroke = onStroke;
    this.sheet.addEventListener("pointerdown", (event) => this.begin(event));
    this.sheet.addEventListener("pointermove", (event) => this.move(event));
    for (const type of ["pointerup", "pointercancel"]) {
      this.sheet.addEventListener(type, (event) => this.end(event));
    }
    new ResizeObserver(() => this.paint()).observe(this.stage);
    for (const [name, colour] of COLOURS) this.tools.append(this.pen(name, colour));
  }
  get isActive() {
    return this.active;
  }
  set isActive(isActive) {
    this.active = isActive;
    this.stage.dataset["drawing"] = String(isActive);
    this.toggle.setAttribute("aria-pressed", String(isActive));
    this.tools.hidden = !isActive;
    if (!isActive) this.begun = null;
    this.paint();
  }
  /** Shows these strokes and no others. */
  show(strokes) {
    this.shown = strokes;
    this.sheet.dataset["strokes"] = String(strokes.length);
    this.paint();
  }
  pen(name, colour) {
    const button = make("button", "pen");
    button.type = "button";
    button.style.setProperty("--pen", colour);
    button.setAttribute("aria-label", `${name} pen`);
    button.setAttribute("aria-pressed", String(colour === this.colour));
    button.addEventListener("click", () => {
      this.colour = colour;
      for (const other of this.tools.querySelectorAll("button")) {
        other.setAttribute("aria-pressed", String(other === button));
      }
    });
    return button;
  }
  begin(event) {
    if (!this.active || event.button !== 0 || this.begun !== null || !this.mayBegin()) return;
    event.preventDefault();
    this.sheet.setPointerCapture(event.pointerId);
    this.begun = [this.point(event)];
    this.paint();
  }
  move(event) {
    if (this.begun === null || !this.sheet.hasPointerCapture(event.pointerId)) return;
    const each = event.getCoalescedEvents?.() ?? [];
    for (const part of each.length > 0 ? each : [event]) this.add(this.point(part));
    this.paint();
  }
  add(point) {
    const last = this.begun?.at(-1);
    if (last === void 0 || Math.hypot(point[0] - last[0], point[1] - last[1]) < CLOSEST) return;
    this.begun?.push(point);
  }
  end(event) {
    if (this.begun === null || !this.sheet.hasPointerCapture(event.pointerId)) return;
    const stroke = { kind: "pen", colour: this.colour, width: WIDTH, points: this.begun };
    this.begun = null;
    if (event.type === "pointerup") this.onStroke(stroke);
    this.paint();
  }
  point(event) {
    const { left, top } = this.sheet.getBoundingClientRect();
    return pointAt(this.place(), event.clientX - left, event.clientY - top, event.pressure);
  }
  place() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    return placeOf({ width, height }, this.picture());
  }
  paint() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const density = window.devicePixelRatio;
    const [across, down] = [Math.round(width * density), Math.round(height * density)];
    if (this.sheet.width !== across) this.sheet.width = across;
    if (this.sheet.height !== down) this.sheet.height = down;
    const context = this.sheet.getContext("2d");
    if (context === null) return;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    const place = this.place();
    for (const stroke of this.shown) paintStroke(context, place, stroke);
    if (this.begun !== null) {
      paintStroke(context, place, { kind: "pen", colour: this.colour, width: WIDTH, points: this.begun });
    }
  }
};
function paintStroke(context, place, stroke) {
  context.strokeStyle = stroke.colour;
  context.lineCap = context.lineJoin = "round";
  let before = stroke.points[0];
  for (const point of stroke.points) {
    if (before === void 0) return;
    const [from, to] = [pixelAt(place, before), pixelAt(place, point)];
    context.lineWidth = thickness(place, stroke.width, point[2]);
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    before = point;
  }
}

// src/facts.ts
function versionText(entry) {
  return `v${String(entry.version).padStart(3, "0")}`;
}
function showReview(review) {
  find("session-name", HTMLElement).textContent = review.name;
  find("session-project", HTMLElement).textContent = review.project;
  find("session-closed", HTMLElement).hidden = review.is_open;
  const visitor = find("visitor", HTMLElement);
  visitor.hidden = review.visitor === null;
  visitor.textContent = review.visitor;
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
var STILL_FRAME = 0;
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
    if (response.status === 401 || response.status === 403) return "door-closed";
    return response.ok ? await response.json() : "unreachable";
  } catch {
    return "unreachable";
  }
}
async function say(what, said) {
  try {
    const response = await fetch(address(what), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(said),
      signal: AbortSignal.timeout(PATIENCE)
    });
    if (response.ok) return await response.json();
    const { content } = await response.json();
    return content ?? "The server did not take it.";
  } catch {
    return "The server does not answer.";
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
    if (answer === "link-invalid" || answer === "door-closed") return;
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
    this.current = entries.find(({ id }) => id === this.current?.id) ?? null;
    const said = JSON.stringify(entries.map((entry) => ({ ...entry, notes: entry.notes.length, drawings: [] })));
    if (said === this.shown) return;
    this.shown = said;
    this.list.replaceChildren(...entries.map((entry) => this.row(entry)));
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
    const { length } = entry.notes;
    if (length > 0) {
      const unit = make("span", "visually-hidden", length === 1 ? " note" : " notes");
      link.append(make("span", "entry-notes", String(length), unit));
    }
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

// src/feedback.ts
var WORDS = { approved: "Approved", require_changes: "Changes required", seen: "Seen" };
var FeedbackPanel = class {
  root = find("feedback", HTMLElement);
  list = find("notes", HTMLOListElement);
  verdicts = find("statuses", HTMLElement);
  choice = find("own-status", HTMLElement);
  form = find("note-form", HTMLFormElement);
  text = find("note-text", HTMLTextAreaElement);
  place = find("note-frame", HTMLButtonElement);
  draw = find("draw", HTMLButtonElement);
  undo = find("undo", HTMLButtonElement);
  send = find("send-note", HTMLButtonElement);
  trouble = find("note-trouble", HTMLElement);
  hint = find("look-only", HTMLElement);
  screen;
  onAnswer;
  onDraft;
  drafts = /* @__PURE__ */ new Map();
  entry = null;
  visitor = null;
  shown = "";
  isSending = false;
  /** `onAnswer` gets the review after something was said, `onDraft` is called when another drawing is to be seen. */
  constructor(screen, onAnswer, onDraft) {
    this.screen = screen;
    this.onAnswer = onAnswer;
    this.onDraft = onDraft;
    this.text.addEventListener("input", () => this.write());
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
      if (event.key === "Escape") this.text.blur();
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.sendNote();
    });
    this.place.addEventListener("click", () => this.togglePlace());
    this.undo.addEventListener("click", () => this.takeBack());
    for (const button of this.choice.querySelectorAll("button")) {
      button.addEventListener("click", () => void this.sendStatus(button.value));
    }
  }
  get mayDraw() {
    return this.visitor !== null && this.entry !== null && this.screen.frame() !== null;
  }
  /** Shows what was said about this version; null when none is selected. */
  show(entry, review) {
    const isOther = entry?.id !== this.entry?.id;
    this.entry = entry;
    this.visitor = review?.visitor ?? null;
    this.root.hidden = entry === null;
    this.hint.hidden = this.visitor !== null || review === null;
    setText(this.hint, review?.is_open === false ? "This review is closed." : "Notes are written by those who are invited.");
    this.form.hidden = this.choice.hidden = this.visitor === null;
    if (isOther) {
      this.text.value = this.draft.text;
      this.trouble.hidden = true;
    }
    this.showSaid();
    this.render();
    this.onDraft();
    if (isOther && entry !== null && this.visitor !== null && entry.own_status === null) void this.sendStatus("seen");
  }
  /** The strokes that are to be seen on a frame: of notes, of programs, and of the draft. */
  strokesAt(frame) {
    if (this.entry === null || frame === null) return [];
    const { notes, drawings } = this.entry;
    return [
      ...drawings.filter((drawing) => drawing.frame === frame).flatMap(({ shapes }) => shapes),
      ...notes.filter((note) => note.frame === frame).flatMap(({ drawing }) => drawing),
      ...this.draft.frame === frame ? this.draft.strokes : []
    ];
  }
  /** The frames that something was said about, the first one first. */
  get frames() {
    const { notes, drawings } = this.entry ?? { notes: [], drawings: [] };
    const found = [...notes, ...drawings].map(({ frame }) => frame).filter((frame) => frame !== null);
    return [...new Set(found)].sort((one, other) => one - other);
  }
  /** A stroke may begin: the picture on the screen is the one that is drawn on, or is made so. */
  beginStroke() {
    const { draft } = this;
    const frame = this.screen.frame();
    if (!this.mayDraw) return false;
    this.screen.pause();
    if (draft.strokes.length > 0 && typeof draft.frame === "number" && draft.frame !== frame) {
      this.screen.goTo(draft.frame);
      return false;
    }
    draft.frame = frame;
    return true;
  }
  addStroke(stroke) {
    this.draft.strokes.push(stroke);
    this.change();
  }
  takeBack() {
    this.draft.strokes.pop();
    this.change();
  }
  /** Draws what the film and the draft say. */
  render() {
    const { draft } = this;
    const frame = draft.frame === void 0 ? this.screen.frame() : draft.frame;
    setText(this.place, frame === null ? "Whole version" : `Frame ${frame}`);
    this.place.hidden = this.entry?.film === null;
    this.place.disabled = this.screen.frame() === null || draft.strokes.length > 0;
    this.draw.disabled = !this.mayDraw;
    this.undo.hidden = draft.strokes.length === 0;
    this.send.disabled = this.isSending || draft.text.trim() === "" && draft.strokes.length === 0;
  }
  get draft() {
    const key = this.entry?.id ?? "";
    const found = this.drafts.get(key) ?? { text: "", frame: void 0, strokes: [], id: null };
    this.drafts.set(key, found);
    return found;
  }
  change() {
    this.draft.id = null;
    this.trouble.hidden = true;
    this.render();
    this.onDraft();
  }
  /** The first letter decides which frame is meant. */
  write() {
    const { draft } = this;
    draft.text = this.text.value;
    if (draft.frame === void 0 && draft.text !== "") {
      this.screen.pause();
      draft.frame = this.screen.frame();
    }
    if (draft.text === "" && draft.strokes.length === 0) draft.frame = void 0;
    this.change();
  }
  togglePlace() {
    const { draft } = this;
    draft.frame = draft.frame === null ? this.screen.frame() : null;
    this.change();
  }
  async sendNote() {
    const { draft, entry } = this;
    if (entry === null || this.send.disabled) return;
    draft.id ??= newId();
    const frame = draft.frame === void 0 ? this.screen.frame() : draft.frame;
    const said = { object: entry.id, id: draft.id, content: draft.text, frame, drawing: draft.strokes };
    const isTaken = await this.tell("notes", said, () => {
      this.drafts.delete(entry.id);
      if (entry.id === this.entry?.id) this.text.value = "";
    });
    if (isTaken) this.list.lastElementChild?.scrollIntoView({ block: "nearest" });
  }
  async sendStatus(status) {
    if (this.entry !== null) await this.tell("status", { object: this.entry.id, status });
  }
  async tell(what, said, onTaken = () => void 0) {
    this.isSending = true;
    this.render();
    const answer = await say(what, said);
    this.isSending = false;
    const isTaken = typeof answer !== "string";
    if (isTaken) {
      onTaken();
      this.onAnswer(answer);
    } else if (what === "notes" || said.status !== "seen") {
      this.trouble.hidden = false;
      setText(this.trouble, `Not sent: ${answer} What you wrote is still here.`);
    }
    this.render();
    return isTaken;
  }
  showSaid() {
    const { entry } = this;
    const said = JSON.stringify(entry === null ? null : [entry.id, entry.notes, entry.statuses, entry.own_status]);
    if (said === this.shown || entry === null) return;
    this.shown = said;
    const roots = entry.notes.filter((note) => !entry.notes.some(({ id }) => id === note.in_reply_to));
    this.list.replaceChildren(...roots.map((note) => this.row(note, entry.notes)));
    setText(find("note-count", HTMLElement), String(entry.notes.length));
    find("no-notes", HTMLElement).hidden = entry.notes.length > 0;
    this.verdicts.replaceChildren(
      ...entry.statuses.map(({ name, status }) => {
        const word = WORDS[status ?? ""] ?? status ?? "";
        const verdict = make("li", "verdict", icon(`icon-${status ?? "seen"}`), make("span", "verdict-name", name), word);
        verdict.dataset["status"] = status ?? "";
        return verdict;
      })
    );
    this.verdicts.hidden = entry.statuses.length === 0;
    for (const button of this.choice.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === entry.own_status));
    }
  }
  row(note, all) {
    const head = make("div", "note-head", make("span", "note-author", note.author));
    if (note.is_guest) head.append(make("span", "note-guest", "Guest"));
    if (note.date !== null) head.append(moment2(note.date));
    const row = make("li", "note", head);
    row.dataset["id"] = note.id;
    const { frame } = note;
    const isDrawn = note.drawing.length > 0;
    if (this.entry?.film === null) {
      if (isDrawn) row.append(make("span", "note-frame", icon("icon-pen"), "Drawing"));
    } else if (frame !== null) {
      const link = make("button", "note-frame", icon(isDrawn ? "icon-pen" : "icon-film"), `Frame ${frame}`);
      link.type = "button";
      link.addEventListener("click", () => this.screen.goTo(frame));
      row.append(link);
    }
    if (note.content !== "") row.append(make("p", "note-content", note.content));
    const replies = all.filter(({ in_reply_to }) => in_reply_to === note.id);
    if (replies.length > 0) row.append(make("ol", "replies", ...replies.map((reply) => this.row(reply, all))));
    return row;
  }
};
function moment2(iso) {
  const format = new Intl.DateTimeFormat(void 0, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const time = make("time", "note-date", format.format(new Date(iso)));
  time.dateTime = iso;
  return time;
}
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] ?? 0) & 15 | 64;
  bytes[8] = (bytes[8] ?? 0) & 63 | 128;
  const text = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

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
  { command: "previous-note", keys: [","], shown: [","], text: "Frame of the previous note" },
  { command: "next-note", keys: ["."], shown: ["."], text: "Frame of the next note" },
  { command: "draw", keys: ["d"], shown: ["D"], text: "Draw on the picture, if you are invited" },
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
  "empty-closed": {
    title: "Nothing to review",
    text: "No version was published into this session before it was closed."
  },
  "no-film": {
    title: "This version has no film",
    text: "It was published without one that a browser can play. Publish the shot again to make one."
  },
  encoding: {
    title: "The film is being prepared",
    text: "The server is making one that every browser plays. It appears here by itself."
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
  "no-picture": {
    title: "This picture cannot be shown",
    text: "The file is damaged, or the browser does not know its format. Publish it again to replace it.",
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
    const isWaiting = notice === "loading" || notice === "encoding";
    place.append(isWaiting ? make("span", "spinner") : icon(`icon-${said.action ? "broken" : "note"}`));
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
  hasBegun = false;
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
    this.wanted = clip === null ? null : start;
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
    this.canSeek = this.isWaiting = this.hasBegun = false;
    this.setSpeed(0);
    this.onChange();
  }
  /** Plays at a speed against the film's own rate; a negative one plays backwards. */
  play(speed = 1) {
    if (!this.video.hasAttribute("src")) return;
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
    if (this.clip === null || this.hasBegun && !this.canSeek) return;
    this.wanted = this.clip.nearest(index);
    this.attempts = 0;
    if (this.hasBegun && !this.video.seeking) this.seek();
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
    this.hasBegun = true;
    if (this.canSeek && this.wanted !== null) this.goTo(this.wanted);
    else this.wanted = null;
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
  marks = find("marks", HTMLElement);
  room = 0;
  marked = "";
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
  /** Marks the frames with these numbers. */
  mark(frames) {
    const { clip } = this.player;
    const inside = clip === null ? [] : frames.filter((frame) => clip.numberAt(clip.indexOf(frame)) === frame);
    const key = clip === null ? "" : `${clip.firstFrame} ${clip.frameCount} ${inside.join(" ")}`;
    if (clip === null || key === this.marked) {
      if (clip === null) this.marks.replaceChildren();
      this.marked = key;
      return;
    }
    this.marked = key;
    this.marks.replaceChildren(
      ...inside.map((frame) => {
        const mark = make("span", "mark");
        mark.style.setProperty("--at", String((clip.indexOf(frame) + 0.5) / clip.frameCount));
        return mark;
      })
    );
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
  still = find("still", HTMLImageElement);
  stage = find("stage", HTMLElement);
  player = new Player(this.video, () => this.render(), (trouble) => this.report(trouble));
  timeline = new Timeline(this.player, this.video);
  transport = new Transport(this.player, this.video, (command) => this.run(command));
  entries = new Entries((entry) => this.open(entry));
  notices = new Notices(() => this.retry());
  feedback = new FeedbackPanel(
    {
      frame: () => this.frame,
      goTo: (frame) => this.player.show(this.player.clip?.indexOf(frame) ?? 0),
      pause: () => {
        if (this.player.isPlaying) this.player.pause();
      }
    },
    (review) => this.receive(review),
    () => this.renderDrawing()
  );
  drawing = new Drawing(
    () => this.picture,
    () => this.feedback.beginStroke(),
    (stroke) => this.feedback.addStroke(stroke)
  );
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
    this.still.addEventListener("load", () => this.render());
    this.still.addEventListener("error", () => void this.explain("undecodable"));
    find("draw", HTMLButtonElement).addEventListener("click", () => this.run("draw"));
    find("show-keys", HTMLButtonElement).addEventListener("click", this.toggleHelp);
    window.addEventListener("hashchange", () => this.follow());
    this.watch = watchReview((answer) => this.receive(answer));
    this.render();
  }
  receive(answer) {
    if (typeof answer === "string") {
      this.isConnected = false;
      if (answer === "door-closed") location.reload();
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
    this.feedback.show(this.entries.current, answer);
    if (isFirst || this.entries.current === null) this.follow();
    else if (wasLost) this.retry();
    else if (this.filmNotice === "encoding" || this.filmNotice === "no-film") this.open(this.entries.current);
    else if (this.still.hasAttribute("src") && this.entries.current.film !== null) this.open(this.entries.current);
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
      this.feedback.show(null, this.review);
      return;
    }
    this.entries.select(first.id);
    if (named !== "") this.besideNotice = "entry-gone";
    this.render();
  }
  open(entry, start = 0) {
    if (this.review === null) return;
    showEntry(entry, this.review);
    this.drawing.isActive = false;
    history.replaceState(null, "", `#${encodeURIComponent(entry.id)}`);
    this.filmNotice = this.besideNotice = null;
    this.openFilm(entry, start);
    this.feedback.show(entry, this.review);
  }
  openFilm(entry, start) {
    this.still.removeAttribute("src");
    if (entry.film === null) {
      this.player.close();
      if (entry.still !== null) this.still.src = address(entry.still);
      else this.filmNotice = entry.is_encoding ? "encoding" : "no-film";
      return;
    }
    const clip = Clip.from(entry.film.exact);
    if (clip === null) this.besideNotice = "no-exact-rate";
    this.player.open(address(entry.film.url), clip, start);
  }
  /** How large the picture on the screen is; nothing by nothing before it is there. */
  get picture() {
    const { still, video } = this;
    if (still.hasAttribute("src")) return { width: still.naturalWidth, height: still.naturalHeight };
    return { width: video.videoWidth, height: video.videoHeight };
  }
  /** The shot's number of the frame on the screen, or null when frames have no numbers. */
  get frame() {
    if (this.still.hasAttribute("src")) return this.picture.width > 0 ? STILL_FRAME : null;
    const { clip, index, canSeek } = this.player;
    return clip === null || index === null || !canSeek ? null : clip.numberAt(index);
  }
  goToNote(direction) {
    const { frame } = this;
    if (frame === null) return;
    const beyond = this.feedback.frames.filter((each) => (each - frame) * direction > 0);
    const next = direction > 0 ? beyond[0] : beyond.at(-1);
    if (next !== void 0) this.player.show(this.player.clip?.indexOf(next) ?? 0);
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
    const media = entry?.film?.url ?? entry?.still ?? null;
    if (media === null) return;
    this.filmNotice = trouble;
    const found = await examineFilm(address(media));
    if (entry !== this.entries.current) return;
    this.filmNotice = trouble === "lost-connection" && found === "undecodable" ? trouble : found;
    if (entry?.film === null && found === "undecodable") this.filmNotice = "no-picture";
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
      "previous-note": () => this.goToNote(-1),
      "next-note": () => this.goToNote(1),
      draw: () => this.toggleDrawing(),
      "full-screen": () => void this.toggleFullScreen(),
      help: this.toggleHelp
    };
    commands[command]();
  }
  toggleDrawing() {
    const isActive = !this.drawing.isActive && this.feedback.mayDraw;
    if (isActive && this.player.isPlaying) this.player.pause();
    this.drawing.isActive = isActive;
  }
  renderDrawing() {
    this.drawing.show(this.filmNotice === null ? this.feedback.strokesAt(this.frame) : []);
    this.timeline.mark(this.feedback.frames);
  }
  async toggleFullScreen() {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else if (document.fullscreenEnabled) await find("viewer", HTMLElement).requestFullscreen();
  }
  render() {
    this.timeline.render();
    this.transport.render();
    this.feedback.render();
    this.renderDrawing();
    this.stage.dataset["waiting"] = String(this.player.isWaiting);
    this.still.hidden = !this.still.hasAttribute("src") || this.filmNotice !== null;
    this.video.hidden = !this.video.hasAttribute("src") || this.filmNotice !== null;
    this.notices.showOnStage(this.stageNotice());
    this.notices.showBeside(this.isConnected || this.review === null ? this.besideNotice : "unreachable");
    find("page", HTMLElement).dataset["state"] = this.review === null ? "loading" : "loaded";
  }
  stageNotice() {
    if (this.filmNotice !== null) return this.filmNotice;
    if (this.review === null) return this.isConnected ? "loading" : "unreachable";
    if (this.review.entries.length > 0) return null;
    return this.review.is_open ? "empty" : "empty-closed";
  }
};
new Page();
