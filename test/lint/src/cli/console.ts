// expect nothing: commands speak to a terminal, and in its time
export const tell = (): void => console.log(Date.now());
