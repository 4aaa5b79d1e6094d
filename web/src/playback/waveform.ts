/** The waveform of the sound on the timeline. */

import type { Clip } from "../clip";
import { find } from "../dom";

export const PEAKS_PER_SECOND = 50;
const MAX_GAIN = 6;

/** Return the highest peak of the frames between two parts of the timeline, from 0 to 1. */
export function peakBetween(peaks: Uint8Array, clip: Clip, from: number, to: number): number {
  const seconds = (clip.frameCount * clip.rate.denominator) / clip.rate.numerator;
  const first = Math.floor(from * seconds * PEAKS_PER_SECOND);
  const last = Math.max(first + 1, Math.ceil(to * seconds * PEAKS_PER_SECOND));
  let highest = 0;
  for (let index = first; index < last; index += 1) highest = Math.max(highest, peaks[index] ?? 0);
  return highest / 255;
}

export class Waveform {
  private readonly canvas = find("waveform", HTMLCanvasElement);
  private peaks: Uint8Array | null = null;
  private clip: Clip | null = null;

  constructor() {
    new ResizeObserver(() => this.paint()).observe(this.canvas);
  }

  /** Show the peaks of a movie, or none. */
  show(peaks: Uint8Array | null, clip: Clip | null): void {
    this.peaks = peaks;
    this.clip = clip;
    this.canvas.dataset["peaks"] = String(peaks?.length ?? 0);
    this.paint();
  }

  private paint(): void {
    const { canvas, peaks, clip } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const density = window.devicePixelRatio;
    [canvas.width, canvas.height] = [Math.round(width * density), Math.round(height * density)];
    const context = canvas.getContext("2d");
    if (context === null || peaks === null || clip === null || peaks.length === 0) return;
    context.scale(density, density);
    // A quiet sound is enlarged, so that its rhythm can be seen.
    const gain = Math.min(MAX_GAIN, 255 / Math.max(1, peaks.reduce((one, other) => Math.max(one, other))));
    context.fillStyle = "#6f6f6f";
    for (let x = 0; x < width; x += 1) {
      const size = Math.max(1, peakBetween(peaks, clip, x / width, (x + 1) / width) * gain * height);
      context.fillRect(x, (height - size) / 2, 1, size);
    }
  }
}
