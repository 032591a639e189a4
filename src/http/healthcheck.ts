/** A program for the container's health check: asks the server beside it whether it lives, and ends with 0 or 1. */
import { get } from 'node:http';

const port = process.env['MTOKEN_PORT'] || '3000';
const request = get({ host: '127.0.0.1', port, path: '/health/live', timeout: 2000 }, (response) => {
  response.resume();
  process.exitCode = response.statusCode === 200 ? 0 : 1;
});
request.on('timeout', () => {
  request.destroy();
});
request.on('error', () => {
  process.exitCode = 1;
});
