// Work in order: what has the same lane is done one after another, different lanes at the same time.

export class Lanes {
  private readonly ends = new Map<string, Promise<void>>();
  private waiting = 0;

  constructor(private readonly most: number) {}

  /** How much has not ended. */
  get size(): number {
    return this.waiting;
  }

  /** Does the work after all that came before it in its lane; false, and it is not done, when too much waits. */
  add(lane: string, work: () => Promise<void>): boolean {
    if (this.waiting >= this.most) return false;
    this.waiting++;
    const end = (this.ends.get(lane) ?? Promise.resolve()).then(work).finally(() => {
      this.waiting--;
      if (this.ends.get(lane) === end) this.ends.delete(lane);
    });
    this.ends.set(lane, end);
    return true;
  }

  /** When all that was added until now has ended. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.ends.values());
  }
}
