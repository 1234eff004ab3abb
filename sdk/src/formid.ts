import type { Collected } from './types';

/** Why a string is no form id; undefined: it is one. The same rules as the server's (CheckFormID in permit.go). */
export function junk(code: unknown): Collected['reason'] {
  if (typeof code !== 'string' || /^(undefined|null)?$/.test(code)) return 'empty_code';
  if (/^[0-9a-f]{32}$/.test(code)) return undefined;
  if (/mock/.test(code)) return 'mock_code';
  if (/^requestFormId:fail/.test(code)) return 'client_failed';
  return /no longer available/.test(code) ? 'trial_version' : 'not_a_form_id';
}
