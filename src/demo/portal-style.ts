/** The demo portal's look. */

export const portalCss = `
:root { color-scheme: light dark; --ink: #14213d; --paper: #f6f7fb; --card: #fff; --line: #d6dae6; --brand: #1d4ed8; --soft: #51607d; --wrong: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf6; --paper: #0d1424; --card: #161f36; --line: #2b3757; --brand: #8ab0ff; --soft: #a3b0cc; --wrong: #ffb4ab } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; font: 17px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); display: grid; grid-template-columns: minmax(0, 1fr); place-items: center; padding: 24px }
main { width: 100%; max-width: 620px; background: var(--card); border: 1px solid var(--line); border-radius: 16px; padding: 32px }
h1 { margin: 0 0 8px; font-size: 26px } p { margin: 0 0 20px } .soft { color: var(--soft) }
.button { display: inline-block; max-width: 100%; overflow-wrap: anywhere; font: inherit; font-weight: 600; min-height: 48px; padding: 11px 22px; border-radius: 10px; border: 0; background: var(--brand); color: var(--card); text-decoration: none; cursor: pointer }
:focus-visible { outline: 3px solid var(--brand); outline-offset: 3px }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 10px 20px; margin: 0 0 24px } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
code { font-size: 14px } h2 { font-size: 19px; margin: 28px 0 8px }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 12px; font-size: 14px }
ul.things { list-style: none; margin: 0 0 20px; padding: 0 } ul.things li { border-top: 1px solid var(--line); padding: 14px 0; display: flex; flex-wrap: wrap; gap: 10px 16px; align-items: center; justify-content: space-between }
ul.things form, .actions form { display: flex; flex-wrap: wrap; gap: 10px; align-items: center; margin: 0 } .actions { display: flex; flex-wrap: wrap; gap: 12px; margin: 0 0 20px }
select { font: inherit; min-height: 48px; padding: 8px 12px; border-radius: 10px; border: 1px solid var(--line); background: var(--paper); color: var(--ink) }
.quiet { background: none; color: var(--brand); border: 1px solid var(--line) } .danger { background: #b3261e; color: #fff } .ended { color: var(--soft) }
details { border-top: 1px solid var(--line); padding: 10px 0 } summary { cursor: pointer }
.qr { background: #fff; border-radius: 12px; width: 260px; max-width: 100%; aspect-ratio: 1; margin: 0 0 20px } .qr svg { display: block; width: 100%; height: 100% }
.field { margin: 0 0 16px } .field label { display: block; font-weight: 600 } .field p { margin: 4px 0 0 }
input:not([type='hidden']) { font: inherit; width: 100%; min-height: 48px; padding: 8px 12px; border-radius: 10px; border: 1px solid var(--soft); background: var(--paper); color: var(--ink) }
input[aria-invalid] { border-color: var(--wrong); border-width: 2px } .wrong { color: var(--wrong); font-weight: 600 }
.doors p { display: grid; grid-template-columns: 255px 1fr; gap: 6px 16px; align-items: center; margin: 0 0 14px }
.receipt { border-top: 1px solid var(--line); margin: 0 0 20px } [hidden] { display: none }
@media (max-width: 480px) { .doors p { grid-template-columns: 1fr } }
@media (max-width: 480px) { dl { grid-template-columns: 1fr; gap: 2px } dd { margin-bottom: 10px } main { padding: 22px } }
`;
