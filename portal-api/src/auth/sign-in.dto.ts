import { z } from 'zod';
import type * as http from '../http.js';
import { TotpCode } from '../credentials/totp.js';
import { TypedPassword } from '../credentials/password.js';

export const SignIn: z.ZodType<http.SignIn> = z.strictObject({
  name: z.string().min(1).max(1_000),
  password: TypedPassword,
});

export const SignInCode: z.ZodType<http.SignInCode> = z.strictObject({ code: TotpCode });
