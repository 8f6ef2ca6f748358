/** For what a browser may refuse at any time (cookies, storage) and what others may have written there: undefined when it fails. */
export function attempt<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch {
    // Nothing of the page depends on it; whoever asked goes on without.
    return undefined;
  }
}
