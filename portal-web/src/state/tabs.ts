type TabNote = { kind: 'acted' } | { kind: 'signed-out' } | { kind: 'signed-in'; accountRef: string };

/** Tells other tabs of this browser about the session they share. Carries no content; nothing is stored. */
class Tabs {
  private readonly channel = new BroadcastChannel('portal-session');

  tell(note: TabNote): void {
    this.channel.postMessage(note);
  }

  listen(callback: (note: TabNote) => void): void {
    this.channel.addEventListener('message', (event: MessageEvent<TabNote>) => {
      callback(event.data);
    });
  }
}

export const tabs = new Tabs();
