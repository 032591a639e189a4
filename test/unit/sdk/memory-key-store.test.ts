/** The memory key store keeps the contract of key stores. */
import { memoryKeyStore } from '../../../src/sdk/index.ts';
import { describeKeyStore } from './key-store-contract.ts';

describeKeyStore('memory', async () => ({ store: memoryKeyStore() }));
