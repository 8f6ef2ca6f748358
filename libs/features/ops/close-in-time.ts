import type { Server } from 'node:http';

/** How long requests under way may take to be answered when their server closes. */
const closeGraceMs = 3_000;

/**
 * Closes a server's application: what is under way is answered, but who sends a request and does not go on, or does not read the answer, holds
 * the process up no longer than the grace. Without it that would be the server's own limit for a request, five minutes.
 */
export async function closeInTime(close: () => Promise<unknown>, server: Server, graceMs = closeGraceMs): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  try {
    await close();
  } finally {
    clearTimeout(cut);
  }
}
