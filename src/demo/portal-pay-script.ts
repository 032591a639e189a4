/** What the page of a waiting payment does by itself. It is a file of its own, so that the page needs no inline script. */

/** Served as `/payments.js`; plain JavaScript without a build. */
export const paymentScript = `'use strict';
(() => {
  const place = location.pathname;
  const said = document.getElementById('status');
  const code = document.getElementById('code');
  const picture = document.getElementById('qr');
  const link = document.getElementById('link');
  let state = 'pending';
  let isOver = false;

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  // Undefined where the portal or the server behind it does not answer: then it is asked again.
  const ask = async (path) => {
    try {
      const response = await fetch(place + path, { headers: { accept: 'application/json' } });
      return response.status === 200 ? await response.json() : undefined;
    } catch {
      return undefined;
    }
  };

  const follow = async () => {
    while (!isOver) {
      const answer = await ask('/state?since=' + encodeURIComponent(state));
      if (answer === undefined) {
        said.textContent = 'There is no answer at the moment. Nothing is lost: this page goes on asking.';
        await pause(2000);
        continue;
      }
      state = answer.state;
      said.textContent = answer.text;
      if (code !== null) code.hidden = state !== 'pending';
      if (answer.isOver) {
        isOver = true;
        location.replace(place);
        return;
      }
      await pause(answer.nextInMs);
    }
  };

  // A code is good for a few seconds: it is drawn anew when the server says so.
  const draw = async () => {
    while (!isOver) {
      const frame = state === 'pending' ? await ask('/frame') : undefined;
      if (frame === undefined) {
        await pause(1000);
        continue;
      }
      const drawn = new DOMParser().parseFromString(frame.picture, 'image/svg+xml').documentElement;
      picture.replaceChildren(document.importNode(drawn, true));
      link.href = frame.link;
      await pause(frame.nextInMs);
    }
  };

  void follow();
  if (picture !== null) void draw();
})();
`;
