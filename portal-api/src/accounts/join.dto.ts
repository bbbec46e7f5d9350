import { z } from 'zod';
import type * as http from '../http.js';
import { TypedPassword } from '../credentials/password.js';
import { TotpCode } from '../credentials/totp.js';

const EARLIEST_YEAR = 1880;

const InviteCodeText = z.string().min(1).max(100);
const NameText = z.string().min(1).max(1_000);

/** A day somebody alive can be born on. Whether it is the right one only the inside knows. */
const DateOfBirth = z.iso
  .date('must be a date like 1980-12-31')
  .refine((date) => Number(date.slice(0, 4)) >= EARLIEST_YEAR, 'is too long ago')
  .refine((date) => date <= new Date(Date.now() + 86_400_000).toISOString().slice(0, 10), 'is in the future');

export const CheckInvite: z.ZodType<http.CheckInvite> = z.strictObject({ code: InviteCodeText });

export const StartTotp: z.ZodType<http.StartTotp> = z.strictObject({ name: NameText });

export const Join: z.ZodType<http.Join> = z.strictObject({
  code: InviteCodeText,
  name: NameText,
  password: TypedPassword,
  dateOfBirth: DateOfBirth,
  totp: z.strictObject({ setup: z.string().min(1).max(1_000), code: TotpCode }),
});

export const RetryDateOfBirth: z.ZodType<http.RetryDateOfBirth> = z.strictObject({ dateOfBirth: DateOfBirth });
