import { describe, expect, test } from '@jest/globals';
import { CommonPasswords } from './common-passwords.js';
import { normalisePassword, passwordFault } from './password.js';
import { SignInName, nameIndex } from './sign-in-name.js';

const common = CommonPasswords.load();
const context = { name: 'maria.garcia@example.org', words: ['Elm Street Practice', 'portal'] };
const faultOf = (password: string): string | null => passwordFault(password, context, common.has);

describe('a password', () => {
  test.each([
    'marmalade on the tin roof',
    'maple-river-9-lantern',
    'kettle drum orchard',
    'пароль для больницы №7',
    'x'.repeat(3) + 'qZ7#kfWm!2vT',
    'long '.repeat(20) + 'and still a sentence of its own',
  ])('of twelve characters and its own thought is accepted: %s', (password) => {
    expect(faultOf(password)).toBeNull();
  });

  test.each([
    ['qZ7#kfWm!2v', 'at least 12'],
    ['qZ7#'.repeat(65), 'at most 256'],
    ['aaaaaaaaaaaaaa', 'too few'],
    ['abababababababab', 'too few'],
    ['1qaz2wsx3edc', 'list'],
    ['password123456', 'list'],
    ['P@ssw0rd1234!', 'list'],
    ['Welcome12345!!', 'list'],
    ['sunshineprincess', 'list'],
    ['abcdefabcdefabcdef', 'list'],
    ['maria.garcia@example.org', 'too close'],
    ['garcia-maria-7', 'too close'],
    ['ElmStreetPractice1', 'too close'],
    ['good until \ud800 here', 'typed again'],
  ])('that is guessed first is refused: %s', (password, reason) => {
    expect(faultOf(password)).toContain(reason);
  });

  test('is the same however its letters were composed, and is neither trimmed nor folded', () => {
    expect(normalisePassword('cafe\u0301 des fleurs')).toBe(normalisePassword('caf\u00e9 des fleurs'));
    expect(normalisePassword(' Café ')).toBe(' Café ');
  });

  test('list has at least ten thousand entries', () => {
    expect(common.size).toBeGreaterThan(10_000);
  });
});

describe('a sign-in name', () => {
  test('is one name in every case and Unicode form', () => {
    const key = Buffer.alloc(32, 7);
    const index = (name: string): string => nameIndex(key, SignInName.parse(name));
    expect(index('Jose\u0301@Example.org ')).toBe(index('jos\u00e9@example.ORG'));
    expect(index('ｍａｒｉａ')).toBe(index('maria'));
    expect(index('maria')).not.toBe(index('mario'));
    expect(index('maria')).not.toBe(nameIndex(Buffer.alloc(32, 8), SignInName.parse('maria')));
  });

  test.each(['ab', 'a'.repeat(255), 'two words', 'tab\tname', '<script>', 'a\u202eb.c', ''])(
    'is refused as %j',
    (name) => {
      expect(SignInName.safeParse(name).success).toBe(false);
    },
  );
});
