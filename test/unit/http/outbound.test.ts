/** Addresses that the server never calls on others' behalf. */
import { describe, expect, it } from 'vitest';
import { isPrivate } from '../../../src/private-networks.ts';

describe('A private address', () => {
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    'fd00::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '2002:7f00:1::',
    '2001:db8::1',
  ])('is %s (P6)', (address) => {
    expect(isPrivate(address)).toBe(address !== '::ffff:8.8.8.8');
  });

  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.167.1.1',
    '100.128.0.1',
    '2606:4700::1111',
    '2a00::1',
  ])('is not %s', (address) => {
    expect(isPrivate(address)).toBe(false);
  });
});
