import assert from "node:assert/strict";
import { test } from "node:test";

import { Clip } from "../src/clip";
import type { PresentationState } from "../src/model";
import { difference, duePosition, intoRange, ServerClock } from "../src/present/clock";
import { PlaybackFollower, PlaybackReport } from "../src/present/playback_sync";

const REFRESH_MS = 1000 / 60;

/** Random numbers from 0 to 1 that are the same in each run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

interface Conditions {
  readonly rate: number;
  readonly frames: number;
  readonly speed: number;
  /** The longest way of a message in milliseconds, in each direction. */
  readonly network: number;
  /** The longest time in milliseconds by which a callback is late. */
  readonly lateness: number;
  /** The part of the frames that appear a refresh of the display late. */
  readonly dropped: number;
  /** The pause in milliseconds, at most, before a loop begins again. */
  readonly loopPause: number;
  /** How much faster the follower's clock of the media runs than the presenter's. */
  readonly skew: number;
  /** The time in milliseconds at which the follower joins. */
  readonly joins: number;
}

const QUIET: Conditions = {
  rate: 24, frames: 2_400, speed: 1, network: 5, lateness: 5, dropped: 0, loopPause: 0, skew: 0, joins: 0,
};

/** A page with a movie on a screen of 60 Hz, and a clock of its own. */
class SimulatedPage {
  position = 0;
  shown = 0;
  startsAt = Infinity;
  factor = 1;
  readonly clock = new ServerClock();

  readonly offset: number;
  private readonly conditions: Conditions;
  private readonly random: () => number;
  private readonly skew: number;
  private refreshAt: number;

  constructor(conditions: Conditions, random: () => number, offset: number, skew: number) {
    this.conditions = conditions;
    this.random = random;
    this.offset = offset;
    this.skew = skew;
    this.refreshAt = random() * REFRESH_MS;
  }

  /** Move on by a millisecond; return the frame that has appeared, or null. */
  tick(now: number): number | null {
    const { rate, speed, frames, loopPause, dropped } = this.conditions;
    if (now >= this.startsAt) this.position += (rate * speed * this.factor * (1 + this.skew)) / 1000;
    if (this.position >= frames) {
      this.position -= frames;
      this.startsAt = now + loopPause * (0.5 + this.random() / 2);
    }
    if (now < this.refreshAt) return null;
    this.refreshAt += REFRESH_MS;
    const frame = Math.floor(this.position);
    if (frame === this.shown || this.random() < dropped) return null;
    this.shown = frame;
    return frame;
  }
}

/** How many frames a follower is away from the presenter: of the played positions, and of the frames on the screens. */
interface Distance {
  readonly played: number;
  readonly shown: number;
}

/** Play a presenter and a follower; return their distance for each millisecond. */
function simulate(conditions: Conditions, seconds: number, seed: number): Distance[] {
  const random = generator(seed);
  const clip = new Clip({ numerator: conditions.rate, denominator: 1 }, 1001, conditions.frames);
  const range = { play_mode: "loop" } as const;
  const presenter = new SimulatedPage(conditions, random, 5_000, 0);
  presenter.startsAt = 120;
  const page = new SimulatedPage(conditions, random, -80_000, conditions.skew);
  const report = new PlaybackReport();
  const follower = new PlaybackFollower();
  const framesPerMs = (conditions.rate * conditions.speed) / 1000;
  const tasks: { at: number; run: (now: number) => void }[] = [];
  const later = (at: number, run: (now: number) => void): void => void tasks.push({ at, run });
  const trip = (): number => 1 + random() ** 2 * conditions.network;
  let state: PresentationState = {};

  const measureClock = (each: SimulatedPage, sent: number): void => {
    const arrived = sent + trip();
    const received = arrived + trip();
    later(received, () => each.clock.measure(sent + each.offset, received + each.offset, arrived));
  };
  for (const each of [presenter, page]) {
    for (let request = 0; request < 8; request += 1) measureClock(each, request * 100);
    for (let sent = 5_000; sent < seconds * 1000; sent += 5_000) measureClock(each, sent);
  }
  const receive = (index: number, at: number, now: number): void => {
    const sent = { ...range, frame: clip.numberAt(index), at: presenter.clock.at(at), speed: conditions.speed };
    later(Math.max(now + trip() + trip(), conditions.joins), (arrived) => {
      state = sent;
      follower.restart();
      if (page.startsAt !== Infinity) return;
      seek(arrived, arrived > 1_000);
    });
  };
  const seek = (now: number, isSeek: boolean): void => {
    const due = duePosition(state, clip, page.clock.at(now + page.offset)) ?? 0;
    if (isSeek) page.position = intoRange(state, clip, due + follower.seekLead);
    page.startsAt = now + 60 + random() * (isSeek ? 240 : 60);
    page.factor = 1;
    follower.settle(now + page.offset, isSeek);
  };
  const playing = { framesPerMs, isSought: false, maySeek: true };

  const distances: Distance[] = [];
  for (let now = 0; now < seconds * 1000; now += 1) {
    const frame = presenter.tick(now);
    if (frame !== null) {
      later(now + random() * conditions.lateness, (called) => {
        const place = report.take(frame, now + presenter.offset, framesPerMs);
        if (place !== null) receive(place.index, place.at, called);
      });
    }
    const own = page.tick(now);
    if (own !== null) {
      later(now + random() * conditions.lateness, (called) => {
        const due = duePosition(state, clip, page.clock.at(now + page.offset)) ?? 0;
        const correction = follower.take(difference(state, clip, own, due), now + page.offset, playing);
        if (correction?.kind === "speed") page.factor = correction.factor;
        else if (correction?.kind === "seek") seek(called, true);
      });
    }
    for (const task of tasks.filter(({ at }) => at <= now)) {
      tasks.splice(tasks.indexOf(task), 1);
      task.run(now);
    }
    const shape = { ...range, frame: 1001 } as const;
    const away = (one: number, other: number): number => Math.abs(difference(shape, clip, one, other));
    distances.push({ played: away(page.position, presenter.position), shown: away(page.shown, presenter.shown) });
  }
  return distances;
}

const SITUATIONS: readonly (readonly [string, Partial<Conditions>])[] = [
  ["on one machine", {}],
  ["at 25 frames a second over a slow network", { rate: 25, network: 150 }],
  ["with late callbacks", { lateness: 120, network: 40 }],
  ["with dropped frames", { dropped: 0.3, network: 40, lateness: 30 }],
  ["with a sound card that runs faster", { skew: 0.002, network: 40, lateness: 30 }],
  ["at half speed", { speed: 0.5, network: 40, lateness: 30 }],
  ["at twice the speed", { speed: 2, network: 40, lateness: 30 }],
  ["when it joins late", { joins: 7_300, network: 40, lateness: 30 }],
];

for (const [situation, conditions] of SITUATIONS) {
  test(`a follower ${situation} stays within one frame of the presenter`, () => {
    const all = { ...QUIET, ...conditions };
    for (const seed of [1, 2, 3]) {
      const distances = simulate(all, 40 + all.joins / 1000, seed).slice(all.joins + 3_500);
      const played = Math.max(...distances.map((each) => each.played));
      const shown = Math.max(...distances.map((each) => each.shown));
      assert.ok(played < 0.75, `seed ${seed}: ${played} frames`);
      // A page that drops frames shows some of them late; the next ones are in time again.
      if (all.dropped === 0) assert.equal(shown, 1, `seed ${seed}: shown`);
    }
  });
}

test("a follower of short loops with pauses is within one frame most of the time", () => {
  const distances = simulate({ ...QUIET, frames: 48, loopPause: 60, network: 40, lateness: 30 }, 60, 1).slice(3_500);
  const near = distances.filter((each) => each.played <= 1).length / distances.length;
  assert.ok(near > 0.95, String(near));
});

test("frames that are sought one by one are corrected by the clock of the page", () => {
  const follower = new PlaybackFollower();
  const playing = { framesPerMs: 0.096, isSought: true, maySeek: true };
  const corrections = [0, 90, 180, 270].map((at) => follower.take(-3 + (at % 20) / 20, at, playing));
  assert.deepEqual(corrections.slice(0, 3), [null, null, null]);
  assert.deepEqual(corrections[3], { kind: "shift", frames: 2.5 });
  assert.equal(follower.take(-0.4, 300, playing), null);
});

test("a small difference changes the speed by little, and a large one leads to a seek", () => {
  const take = (ahead: number): unknown => {
    const follower = new PlaybackFollower();
    const playing = { framesPerMs: 0.024, isSought: false, maySeek: true };
    return [0, 100, 200, 300].map((at) => follower.take(ahead, at, playing)).at(-1);
  };
  assert.equal(take(0.1), null);
  assert.deepEqual(take(-1.2), { kind: "speed", factor: 1.1 });
  assert.deepEqual(take(4), { kind: "speed", factor: 0.8 });
  assert.deepEqual(take(7), { kind: "seek" });
});

test("the speed is normal again after the time of a correction, even if no frames appear meanwhile", () => {
  const follower = new PlaybackFollower();
  const playing = { framesPerMs: 0.024, isSought: false, maySeek: true };
  for (const at of [0, 100, 200, 300]) follower.take(-1.2, at, playing);
  assert.deepEqual(follower.take(0, 900, playing), { kind: "speed", factor: 1 });
});

test("a presenter reports the first frames, each second, and a deviation at once", () => {
  const report = new PlaybackReport();
  const reported: number[] = [];
  for (let index = 0; index < 120; index += 1) {
    const stall = index >= 60 ? 30 : 0; // less than a frame
    if (report.take(index, (index * 1000) / 24 + stall, 0.024) !== null) reported.push(index);
  }
  assert.deepEqual(reported.slice(0, 5), [0, 1, 3, 7, 31]);
  assert.ok(reported.some((index) => index > 60 && index < 70), String(reported));
  assert.ok(reported.length <= 10, String(reported));
});

test("the reported place is that of the median frame, not of a frame that is shown late", () => {
  const report = new PlaybackReport();
  let place = null;
  for (let index = 0; index < 8; index += 1) {
    place = report.take(index, (index * 1000) / 25 + (index === 7 ? 30 : 0), 0.025) ?? place;
  }
  assert.deepEqual(place, { index: 7, at: 280 });
});
