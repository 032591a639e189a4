/** Where a link for this device was opened in a browser: offers the app, if this browser is a registered phone. */

const offer = document.getElementById('open-app');

function isRegistered(): boolean {
  try {
    return localStorage.getItem('mtoken-app') !== null;
  } catch {
    return false;
  }
}

if (offer !== null && isRegistered()) {
  offer.hidden = false;
  offer.focus();
}
