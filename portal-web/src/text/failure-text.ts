import type { FailureCode } from '../api/problem.js';

export const FAILURES: Record<FailureCode, string> = {
  'body-refused': 'Something you entered was not accepted. Please check the fields and try again.',
  'body-too-large': 'This is too long to send. Please shorten it.',
  'body-not-json': 'The request was not understood. Please reload the page and try again.',
  'request-refused': 'The request was refused for safety. Please reload the page and try again.',
  'not-found': 'This is not available to you, or no longer exists.',
  'signed-out': 'You are signed out. Please sign in again.',
  'too-many-tries': 'Too many tries. Please wait before you try again.',
  busy: 'The portal is busy right now. Please try again in a moment.',
  'no-room': 'The portal has no room left to save this. Please try again later or telephone the clinic.',
  'switched-off': 'The clinic has switched the portal off. Please telephone the clinic.',
  unexpected: 'Something went wrong on our side. Please try again.',
  'invite-mistyped':
    'This code is not complete or has a typing error. Compare it with your letter, character by character.',
  'invite-unknown': 'We do not know this code. Check it again, or ask your clinic for a new one.',
  'invite-used': 'This code has been used already. If that was you, sign in. If it was not you, call your clinic.',
  'invite-expired': 'This code has expired. Codes are valid for three days. Please ask your clinic for a new one.',
  'name-refused': "Use 3 to 254 characters without spaces: letters, digits, and . _ % + @ ' - only.",
  'name-taken': 'This sign-in name is taken. Please choose another.',
  'password-refused': 'This password cannot be used. Please choose another.',
  'totp-setup-expired': 'The set-up of the authenticator took too long. We have made a new key: please scan it again.',
  'totp-refused': 'This code does not match. Wait for the next one in your authenticator app and type that.',
  'date-of-birth-not-asked': 'The clinic has already answered. Please reload the page.',
  'clinic-keys-missing': 'The clinic has not finished setting up the portal. Please try again later.',
  'clinic-catching-up': 'The portal is being restored. Please try again in a few minutes.',
  'sign-in-failed': 'Sign-in name or password is not right.',
  'access-ended':
    'Your clinic has ended this access to the portal. Your record at the clinic is not affected. If you have questions, or think this is a mistake, please call the clinic.',
  'code-refused': 'This code is not right, or was used already. Wait for the next one in your app.',
  'sign-in-expired': 'That took too long. Please enter your name and password again.',
  'section-not-found': 'There is nothing here yet.',
  'chart-not-ready': 'Your clinic is still preparing your record. This page fills in by itself.',
  'replica-unverified':
    'We could not confirm that this information is genuine and complete, so we are not showing it. Please try again later or call your clinic.',
  'scope-missing': 'Your access does not include this.',
  'document-not-ready': 'This document is on its way from the clinic. Please try again in a few minutes.',
  'document-not-offered': 'This document cannot be opened here. Please ask the clinic for a copy.',
  'idempotency-conflict':
    'This message was changed while it was being sent. Please check the thread before you send again.',
  'idempotency-key-missing': 'The message could not be sent. Please reload the page and try again.',
  'thread-not-found': 'This conversation no longer exists. Please start a new message.',
  'connection-lost': 'No connection. Check your internet connection and try again.',
};

/** The server's reasons against a password, by its own words for them. */
export const PASSWORD_REASONS: Record<string, string> = {
  'must have at least 12 characters': 'This password is too short. Use at least 12 characters.',
  'must have at most 256 characters': 'This password is too long. Use at most 256 characters.',
  'contains characters that cannot be typed again':
    'This password has characters that cannot be typed again. Please choose another.',
  'repeats too few different characters':
    'This password repeats the same few characters. Use at least five different ones.',
  'is too close to your sign-in name or to the name of the practice':
    'This password is too close to your sign-in name or to the name of the clinic. Please choose another.',
  'is on the list of passwords that are tried first':
    'This password is on the list of passwords that attackers try first. Please choose another.',
};
