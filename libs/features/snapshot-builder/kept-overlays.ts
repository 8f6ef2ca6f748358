import type { Overlay } from '#libs/snapshots';

const imageBytesMaxDefault = 512 * 1024 ** 2;

/** The audiences that increments are made against, up to so many bytes of images and what increments added: those used last. One is kept whatever its size. */
export class KeptOverlays {
  private readonly kept = new Map<string, { readonly overlay: Overlay; readonly bytes: number }>();
  private bytes = 0;

  constructor(private readonly bytesMax = imageBytesMaxDefault) {}

  get(clientId: string): Overlay | undefined {
    return this.kept.get(clientId)?.overlay;
  }

  put(clientId: string, overlay: Overlay, imageBytes: number): void {
    const bytes = imageBytes + overlay.addedBytes;
    this.remove(clientId);
    this.kept.set(clientId, { overlay, bytes });
    this.bytes += bytes;
    // A Map keeps the order of insertion: the first is the one not used for the longest.
    for (const oldest of this.kept.keys()) {
      if (this.bytes <= this.bytesMax || this.kept.size === 1) return;
      this.remove(oldest);
    }
  }

  private remove(clientId: string): void {
    this.bytes -= this.kept.get(clientId)?.bytes ?? 0;
    this.kept.delete(clientId);
  }
}
