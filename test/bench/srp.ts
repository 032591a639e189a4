/** The SRP proof beside the three exponentiations that it cannot do without. */
import { randomBytes } from 'node:crypto';
import { modularPowerOf } from '../../src/srp/formulas.ts';
import { srpProfiles } from '../../src/srp/profile.ts';
import { createSrpServer, type ServerEphemeral } from '../../src/srp/server.ts';
import type { Benchmark } from './benchmark.ts';
import { answerChallenge, beginExchange, enrol } from './fast-srp.ts';
import { median, ownCpuMicros } from './measure.ts';

const profile = 'srp6a-2048-sha256';
const identity = 'dev_AAAAAAAAAAAAAAAAAAAAAA';

export const srpBenchmark: Benchmark = {
  name: 'srp',
  about: 'server CPU of an mPIN proof over three bare OpenSSL exponentiations',
  needsBuild: false,
  run: async ({ isQuick }) => {
    const { rounds, calls } = isQuick ? { rounds: 3, calls: 40 } : { rounds: 21, calls: 200 };
    const work = makeWork();
    work.proof(20);
    work.bare(20);
    const ratios: number[] = [];
    const proofs: number[] = [];
    const bares: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      // In turns, so that whatever else the machine does falls on both alike.
      const isProofFirst = round % 2 === 0;
      const first = isProofFirst ? work.proof(calls) : work.bare(calls);
      const second = isProofFirst ? work.bare(calls) : work.proof(calls);
      const [proof, bare] = isProofFirst ? [first, second] : [second, first];
      ratios.push(proof / bare);
      proofs.push(proof / calls);
      bares.push(bare / calls / 3);
    }
    return [
      {
        benchmark: 'srp',
        what: 'proof / three exponentiations',
        value: median(ratios),
        unit: '×',
        goal: { atMost: 1.2 },
      },
      { benchmark: 'srp', what: 'CPU of a proof, g^b included', value: median(proofs), unit: 'µs' },
      {
        benchmark: 'srp',
        what: 'CPU of one bare exponentiation, a measure of this machine',
        value: median(bares),
        unit: 'µs',
      },
    ];
  },
};

/** Both kinds of work over the same modulus and exponents of the same size; each answers the CPU that so many calls took. */
function makeWork(): Record<'proof' | 'bare', (calls: number) => number> {
  const power = modularPowerOf(srpProfiles[profile]);
  // Without a stock: what the idle process makes ahead is work of a login all the same.
  const server = createSrpServer({ poolSize: 0, modularPower: power });
  const { salt, verifier, privateKey } = enrol(power, { identity, password: 'password' });
  const exchange = beginExchange(power);
  const { clientEphemeral } = exchange;
  const exponents = [randomBytes(32), randomBytes(32), randomBytes(32)];
  const base = Buffer.from(verifier, 'hex');
  return {
    proof: (calls) => {
      const ephemerals = Array.from({ length: calls });
      const cpuOfStart = cpuOf(() => {
        for (let call = 0; call < calls; call += 1) ephemerals[call] = server.createEphemeral({ profile, verifier });
      });
      // The phone's part, which is not the server's CPU.
      const checks = (ephemerals as ServerEphemeral[]).map((ephemeral) => {
        const { proof } = answerChallenge(power, exchange, { identity, salt, privateKey, verifier, ...ephemeral });
        return { profile, identity, salt, verifier, clientEphemeral, ...ephemeral, proof } as const;
      });
      const cpuOfFinish = cpuOf(() => {
        for (const check of checks) if (!server.checkProof(check).ok) throw new Error('a right proof was refused');
      });
      return cpuOfStart + cpuOfFinish;
    },
    bare: (calls) => {
      const [first, second, third] = exponents as [Buffer, Buffer, Buffer];
      return cpuOf(() => {
        for (let call = 0; call < calls; call += 1) {
          power(srpProfiles[profile].generator, first);
          power(base, second);
          power(base, third);
        }
      });
    },
  };
}

function cpuOf(work: () => void): number {
  const before = ownCpuMicros();
  work();
  return ownCpuMicros() - before;
}
