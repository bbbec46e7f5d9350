import { z } from 'zod';
import type * as http from '../http.js';
import { TotpCode } from '../accounts/join.dto.js';
import { TypedPassword } from '../accounts/password.js';

export const SignIn: z.ZodType<http.SignIn> = z.strictObject({ name: z.string().min(1).max(1_000), password: TypedPassword });

export const SignInCode: z.ZodType<http.SignInCode> = z.strictObject({ code: TotpCode });
