/** Whose request it is, for limits. */
import { describe, expect, it } from 'vitest';
import { addressNetwork, clientAddress } from '../../../src/http/addresses.ts';

describe('the caller’s address', () => {
  it.each([
    ['192.0.2.1', '10.0.0.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '10.0.0.1', '192.0.2.1'],
    ['fe80::1%eth0', '10.0.0.1', 'fe80::1'],
    ['a', '10.0.0.1', '10.0.0.1'],
    ['192.0.2.1, 192.0.2.2', '10.0.0.1', '10.0.0.1'],
    ['', '::ffff:10.0.0.1', '10.0.0.1'],
  ])('is taken from %j only where that is an address (T24)', (ip, remoteAddress, address) => {
    expect(clientAddress({ ip, socket: { remoteAddress } })).toBe(address);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:ffff::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ])('%s counts as %s (L-12)', (address, network) => {
    expect(addressNetwork(address)).toBe(network);
  });
});
