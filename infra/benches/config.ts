/** The benches' own environment: where the bare server's settings lie. */
export const BARE_SETTINGS = 'BARE_SETTINGS_FILE';

export function bareSettingsFile(): string {
  return process.env[BARE_SETTINGS] ?? '';
}
