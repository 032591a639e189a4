/** What may stand in a text that somebody decides by: tricks that make it read otherwise, and the names that people have. */
import { describe, expect, it } from 'vitest';
import { isOfOneScript } from '../../../src/orders/scripts.ts';
import { assertReadable, plainName } from '../../../src/orders/text.ts';

const hex = (code: number): string => `U+${code.toString(16).padStart(4, '0')}`;

const characters = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code));
const letters = characters.filter((one) => /[\p{L}\p{M}]/u.test(one));

function isRefused(text: string): boolean {
  try {
    assertReadable(text);
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_request' });
    return true;
  }
}

describe('an attack with characters that nobody sees', () => {
  it.each([
    0x115f, 0x17b4, 0x180b, 0x180e, 0x2065, 0x2800, 0x3164, 0xfe0f, 0xffa0, 0x1d159, 0x13441, 0x13442, 0x16fe4, 0x1bca0,
    0xe0100, 0xe0041,
  ])('is refused, and taken out of a portal’s name: %# (T-08)', (code) => {
    const character = String.fromCodePoint(code);
    expect(isRefused(`Jan${character}sen`), hex(code)).toBe(true);
    expect(plainName(`Jan${character}sen`, 'x'), hex(code)).toBe('Jansen');
  });

  it('is refused with any character that Unicode says may be left undrawn (T-08)', () => {
    const passed = characters.filter(
      (character) => /\p{Default_Ignorable_Code_Point}/u.test(character) && !isRefused(`a${character}b`),
    );
    expect(passed).toEqual([]);
  });
});

describe('an attack with letters that look like others', () => {
  it.each([
    ['a full-width digit', 'Pay １00'],
    ['full-width letters', 'Ｊansen'],
    ['mathematical letters', '𝐉𝐚𝐧𝐬𝐞𝐧'],
    ['mathematical digits', 'Invoice 𝟏𝟐'],
    ['a Roman numeral that looks like l', 'Pau\u217c'],
    ['a long s', 'Jan\u017fen'],
    ['a raised digit', '10²'],
    ['a ligature', '\ufb01nance'],
    ['a letter in a circle', '\u24b6bank'],
    ['a micro sign', '\u00b5bank'],
    ['Cyrillic in Latin', 'J\u0430nsen'],
    ['Greek in Latin', 'Jans\u03bfn'],
    ['Armenian in Latin', 'Ja\u0578sen'],
    ['Cherokee in Latin', '\u13ab\u13aaBank'],
    ['Lisu in Latin', 'Ban\ua4d7'],
    ['Coptic in Greek', 'Αθ\u2c8fνα'],
    ['Georgian in Cyrillic', 'Банк\u10e1'],
    ['Hebrew in Arabic', 'بنك\u05d5'],
    ['Han in Latin', 'Pau\u4e28'],
    ['Katakana in Hangul', '은\u30ed행'],
    ['a mark of another script', 'Jan\u0e31sen'],
  ])('is refused: %s (T-08)', (_what, text) => {
    expect(isRefused(text)).toBe(true);
  });

  it('knows the script of every letter there is, so that none counts as shared by all (T-08)', () => {
    const unknown = letters.filter((one) => !isOfOneScript(one));
    expect(unknown.map((one) => hex(one.codePointAt(0) ?? 0))).toEqual([]);
  });

  it('finds a Latin letter beside every letter of another script (T-08)', () => {
    const shared = /[\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]/u;
    const passed = letters.filter((one) => !shared.test(one) && isOfOneScript(`a${one}`));
    expect(passed).toEqual([]);
  });
});

describe('an attack with digits', () => {
  it.each([
    ['Arabic and European', 'Invoice 1٢'],
    ['Eastern and Western Arabic', 'فاتورة ٤۴'],
    ['of two words', '12 of ৪'],
    ['Devanagari and European, line by line', '१\n1'],
  ])('of several scripts is refused: %s (T-08)', (_what, text) => {
    expect(isRefused(text)).toBe(true);
  });
});

describe('an attack with marks', () => {
  it.each([
    ['at the begin of a value', '\u0301Jansen'],
    ['at the begin of a word', 'Jan \u0338sen'],
    ['on a quotation mark or digit', '1\u0301'],
    ['that strikes through', 'Jan\u0336sen'],
    ['that is a slash', 'x\u0338'],
    ['that encloses', 'a\u20dd'],
    ['that forbids', 'a\u20e0'],
    ['that strikes through in another block', 'a\u20d2'],
    ['piled up', 'a\u0315\u0316\u0317\u0318'],
  ])('is refused: a mark %s (T-08)', (_what, text) => {
    expect(isRefused(text)).toBe(true);
  });
});

describe('a name that people have', () => {
  it.each([
    ['ar', 'شركة محمّد بن عبد الله التجارية', 'فاتورة ٢٠٢٦', 'مُؤسَّسة النُّور'],
    ['bg', 'Елин Пелин ЕООД', 'Фактура № 17'],
    ['cs', 'Jiří Žďárský s.r.o.', 'Čeněk Řehoř'],
    ['da', 'Søren Ærøskøbing', 'Åse Bøgh'],
    ['de', 'Müller & Söhne GmbH', 'Straße 12a', 'GROẞ'],
    ['el', 'Αθηνά Παπαδοπούλου Α.Ε.', 'Τιμολόγιο 2026/118'],
    ['en', 'O’Neill & Sons Ltd.', "D'Arcy", '7-Eleven', 'H&M', 'Invoice #12 (50%)'],
    ['es', 'Mª José Núñez, 1º B', 'Compañía Ñandú S.A.'],
    ['et', 'Õnne Jõeäär OÜ', 'Šmidt'],
    ['fi', 'Äiti Öljynen Oy'],
    ['fr', 'Société Générale d’Œuvres', 'L’Haÿ-les-Roses', 'François Çelik'],
    ['ga', 'Seán Ó Súilleabháin', 'Ní Dhomhnaill'],
    ['hr', 'Đurđica Šćepanović', 'Ljubljanska'],
    ['hu', 'Őrsi Űrhajó Kft.'],
    ['it', 'Niccolò Dall’Ò'],
    ['lt', 'Žydrūnė Ąžuolaitė', 'Ūkis'],
    ['lv', 'Ģirts Ķēniņš', 'Ņina Ļaudona'],
    ['mt', 'Ħal Għargħur Ċikku'],
    ['nl', 'IJsselmeer B.V.', 'Zoë Peeters', '’s-Hertogenbosch'],
    ['pl', 'Łódź Świętokrzyska', 'Żółć'],
    ['pt', 'João Conceição', '2ª via'],
    ['ro', 'Ștefan Țuțea', 'Brâncuși'],
    ['sk', 'Ľubomír Ŕ', 'Kŕdeľ'],
    ['sl', 'Žiga Čebašek'],
    ['sv', 'Åsa Öberg AB'],
    ['vi', 'Nguyễn Thị Hương', 'Công ty Cổ phần Sữa Việt Nam', 'Đặng Văn Ưỡng'],
    ['zh', '中国工商银行', '張偉', '〇一二', '臺灣ㄅㄆㄇ'],
    ['ja', '株式会社みずほ銀行', 'トヨタ自動車', '佐々木', 'サッポロビール', 'NTT ドコモ'],
    ['ko', '삼성전자 주식회사', '金민수', '김철수 1호'],
    ['hi', 'भारतीय स्टेट बैंक', 'बिल १२३'],
    ['th', 'ธนาคารกรุงเทพ จำกัด', 'น้ำ'],
    ['hy', 'Հայաստան և Արցախ'],
    ['he', 'בנק לאומי', 'שָׁלוֹם'],
    ['uk', 'Об’єднання', 'Мар\u02bcяна'],
    ['ka', 'საქართველოს ბანკი'],
    ['several, word by word', 'Bank Москва Αθήνα', 'LUKOIL ООО', 'Café 北京'],
  ])('in %s passes (T-08)', (_language, ...names) => {
    for (const name of names) expect(() => assertReadable(name), name).not.toThrow();
  });

  it('may be wholly of another script, word by word: who looks alike as a whole is told by the account (T-08)', () => {
    expect(isRefused('сор')).toBe(false);
  });
});
