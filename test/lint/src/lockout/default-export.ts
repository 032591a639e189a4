// expect: import(no-default-export)
export default function gate(): void {}
