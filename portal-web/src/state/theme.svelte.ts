export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** Chosen appearance; lives in memory only, nothing is written to the device. */
class ThemeChoice {
  private chosen = $state<Theme>('system');

  get current(): Theme {
    return this.chosen;
  }

  set current(theme: Theme) {
    this.chosen = theme;
    if (theme === 'system') {
      delete document.documentElement.dataset['theme'];
    } else {
      document.documentElement.dataset['theme'] = theme;
    }
  }
}

export const theme = new ThemeChoice();
