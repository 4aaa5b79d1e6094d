/** The live connection of the page: a WebSocket, server-sent events where that fails, and polling last. */

import type { Message } from "./model";
import { isServerReachable, mediaUrl } from "./server";

const RETRY_INTERVAL_MS = 3_000;
const POLL_INTERVAL_MS = 15_000;
/** The next transport is tried after so many failures in a row while the server answered other requests. */
const MAX_FAILURES = 2;

type Transport = "websocket" | "events" | "polling";

/**
 * Keeps one connection to the server open and passes its messages on.
 *
 * `onOpen` is called after each connect: messages may have been missed, so that the page reads everything again. It is
 * also called at intervals while only polling works.
 */
export class LiveConnection {
  private readonly onMessage: (message: Message) => void;
  private readonly onOpen: () => void;
  private readonly onLost: () => void;
  private socket: WebSocket | null = null;
  private source: EventSource | null = null;
  private timer = 0;
  private failures = 0;
  private transport: Transport = "websocket";
  private isStopped = false;

  constructor(onMessage: (message: Message) => void, onOpen: () => void, onLost: () => void) {
    this.onMessage = onMessage;
    this.onOpen = onOpen;
    this.onLost = onLost;
    document.addEventListener("visibilitychange", () => this.wake());
    window.addEventListener("online", () => this.wake());
    window.addEventListener("pagehide", () => this.stop());
    window.addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      this.isStopped = false;
      this.connect();
    });
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  connect(): void {
    clearTimeout(this.timer);
    this.close();
    if (this.isStopped) return;
    if (this.transport === "websocket") this.connectSocket();
    else if (this.transport === "events") this.connectEvents();
    else this.poll();
  }

  /** Send a message; it is dropped if there is no WebSocket. */
  send(message: object): void {
    if (this.isOpen) this.socket?.send(JSON.stringify(message));
  }

  /** Close the connection and do not open it again. */
  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.close();
  }

  private connectSocket(): void {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${mediaUrl("live")}`);
    this.socket = socket;
    let wasOpen = false;
    socket.addEventListener("open", () => {
      wasOpen = true;
      this.failures = 0;
      this.onOpen();
    });
    socket.addEventListener("message", (event) => this.receive(event.data));
    socket.addEventListener("close", () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.lose(wasOpen);
    });
  }

  private connectEvents(): void {
    const source = new EventSource(mediaUrl("events"));
    this.source = source;
    let wasOpen = false;
    source.addEventListener("open", () => {
      wasOpen = true;
      this.failures = 0;
      this.onOpen();
    });
    source.addEventListener("message", (event) => this.receive(event.data));
    source.addEventListener("error", () => {
      if (this.source !== source) return;
      this.close();
      this.lose(wasOpen);
    });
  }

  private poll(): void {
    if (document.visibilityState === "visible") this.onOpen();
    this.timer = window.setTimeout(() => this.connect(), POLL_INTERVAL_MS);
  }

  private receive(data: unknown): void {
    try {
      this.onMessage(JSON.parse(String(data)) as Message);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }

  private lose(wasOpen: boolean): void {
    if (this.isStopped) return;
    if (wasOpen) this.onLost();
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.retry(wasOpen), RETRY_INTERVAL_MS);
  }

  /** Connect again, by the next transport if only this one fails. A server that is lost changes nothing. */
  private async retry(wasOpen: boolean): Promise<void> {
    if (!wasOpen) this.failures = (await isServerReachable()) ? this.failures + 1 : 0;
    if (this.failures >= MAX_FAILURES) {
      this.transport = this.transport === "websocket" ? "events" : "polling";
      this.failures = 0;
    }
    // The page may have come back to the foreground meanwhile.
    if (this.socket === null && this.source === null) this.connect();
  }

  private wake(): void {
    if (document.visibilityState !== "visible" || this.isStopped) return;
    if (this.socket === null && this.source === null) this.connect();
  }

  private close(): void {
    const { socket, source } = this;
    this.socket = this.source = null;
    socket?.close();
    source?.close();
  }
}
