/** The difference of the two compared images on a canvas: WebKitGTK does not blend video elements, by CSS or on a canvas. */

import { effect } from "@preact/signals";

import { find } from "../dom";
import { comparedId, compareMode } from "./view_state";

type Source = HTMLVideoElement | HTMLImageElement;

/** Paints while the mode is on: for each frame of one of the movies, and whenever `paint` is called. */
export class Difference {
  private readonly canvas = find("difference", HTMLCanvasElement);
  private readonly videos = [find("movie", HTMLVideoElement), find("other-movie", HTMLVideoElement)] as const;
  private readonly stills = [find("still", HTMLImageElement), find("other-still", HTMLImageElement)] as const;
  /** A copy of the compared image, which every engine can blend. */
  private readonly copy = document.createElement("canvas");
  private isOn = false;

  constructor() {
    for (const video of this.videos) video.addEventListener("seeked", () => this.paint());
    for (const still of this.stills) still.addEventListener("load", () => this.paint());
    effect(() => {
      const wasOn = this.isOn;
      this.isOn = comparedId.value !== null && compareMode.value === "difference";
      if (this.isOn && !wasOn) for (const video of this.videos) this.follow(video);
      this.paint();
    });
  }

  /** Show the difference of the images on the screen, or nothing unless there are two. */
  paint(): void {
    const [main, other] = this.isOn ? [this.shown(0), this.shown(1)] : [null, null];
    const context = this.canvas.getContext("2d");
    this.canvas.hidden = main === null || other === null || context === null;
    if (main === null || other === null || context === null) return;
    const size = sizeOf(main);
    resize(this.canvas, size);
    resize(this.copy, size);
    const { width, height } = size;
    context.globalCompositeOperation = "source-over";
    context.clearRect(0, 0, width, height);
    context.drawImage(main, 0, 0, width, height);
    const compared = sizeOf(other);
    const scale = Math.min(width / compared.width, height / compared.height);
    const [across, down] = [compared.width * scale, compared.height * scale];
    const copied = this.copy.getContext("2d");
    copied?.clearRect(0, 0, width, height);
    copied?.drawImage(other, (width - across) / 2, (height - down) / 2, across, down);
    context.globalCompositeOperation = "difference";
    context.drawImage(this.copy, 0, 0);
  }

  private follow(video: HTMLVideoElement): void {
    video.requestVideoFrameCallback?.(() => {
      if (!this.isOn) return;
      this.paint();
      this.follow(video);
    });
  }

  private shown(index: 0 | 1): Source | null {
    const found = [this.videos[index], this.stills[index]].find((each) => !each.hidden);
    return found !== undefined && sizeOf(found).width > 0 ? found : null;
  }
}

function resize(canvas: HTMLCanvasElement, { width, height }: { readonly width: number; readonly height: number }): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** The size of an image that can be painted; 0 by 0 before it is loaded. */
function sizeOf(source: Source): { readonly width: number; readonly height: number } {
  if (source instanceof HTMLImageElement) return { width: source.naturalWidth, height: source.naturalHeight };
  const isReady = source.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  return isReady ? { width: source.videoWidth, height: source.videoHeight } : { width: 0, height: 0 };
}
