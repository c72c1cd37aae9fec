// Work in order: what has the same lane is done one after another, different lanes at the same time, as many as may be.

export class Lanes {
  private readonly ends = new Map<string, Promise<void>>();
  private readonly turns: (() => void)[] = [];
  private waiting = 0;
  private running = 0;
  private isOver = false;

  constructor(
    private readonly most: number,
    private readonly atOnce: number,
  ) {}

  /** How much has not ended. */
  get size(): number {
    return this.waiting;
  }

  /** Does the work after all that came before it in its lane; false, and it is not done, when too much waits. */
  add(lane: string, work: () => Promise<void>): boolean {
    if (this.waiting >= this.most || this.isOver) return false;
    this.waiting++;
    const end = (this.ends.get(lane) ?? Promise.resolve())
      .then(() => this.inTurn(work))
      .finally(() => {
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

  /** Begins nothing any more. Says, the first time, how much is not done therefore. */
  stop(): number {
    if (this.isOver) return 0;
    this.isOver = true;
    return this.waiting - this.running;
  }

  private async inTurn(work: () => Promise<void>): Promise<void> {
    if (this.running >= this.atOnce) await new Promise<void>((resolve) => this.turns.push(resolve));
    else this.running++; // or it is handed over
    try {
      if (!this.isOver) await work();
    } finally {
      const next = this.turns.shift();
      if (next) next();
      else this.running--;
    }
  }
}
