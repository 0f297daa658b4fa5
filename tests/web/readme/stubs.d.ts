// The variables that the examples of the READMEs use: those of the reader.
import type { OutboxOptions } from 'coldpress/outbox'

declare global {
  /** A response that has a body. */
  const response: Response & { readonly body: ReadableStream<Uint8Array> }
  const session: { token: string }
  const token: string
  const user: { id: string }
  const readings: object[]
  const rows: object[]
  const row: object
  const bar: HTMLProgressElement
  const label: HTMLElement
  const controller: AbortController
  const outbox: { append(row: object): Promise<unknown> }
  const options: OutboxOptions

  // Background Sync, which only Chromium has.
  interface ServiceWorkerRegistration {
    readonly sync?: { register(tag: string): Promise<void> }
  }
  interface WindowEventMap {
    sync: Event & { readonly tag: string; waitUntil(work: Promise<unknown>): void }
  }
}
