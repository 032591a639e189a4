/** Money as whole minor units: which currencies there are, how many decimals each has, and how an amount is written (ISO 4217). */

/** Currencies by their number of decimals. Funds, metals, test codes and currencies that were withdrawn are not among them. */
const byExponent: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF',
  2: `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP
      DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR
      LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB
      SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG
      YER ZAR ZMW ZWG`,
  3: 'BHD IQD JOD KWD LYD OMR TND',
};

const exponents: ReadonlyMap<string, number> = new Map(
  Object.entries(byExponent).flatMap(([exponent, codes]) =>
    codes.split(/\s+/).map((code) => [code, Number(exponent)] as const),
  ),
);

/** Largest amount, in minor units: far beyond any payment, and exact in the numbers of every JSON reader. */
export const maxMinorUnits = 99_999_999_999_999;

/** Decimals of a currency; undefined for a code that is none. */
export function currencyExponent(currency: string): number | undefined {
  return exponents.get(currency);
}

const space = '\u00a0';

/** Thousands and decimal mark of each language. Kept here and not asked of `Intl`, whose answer changes with the engine's release. */
const marks: Readonly<Record<string, readonly [string, string]>> = {
  ...marksOf('ar en ga mt', ',', '.'),
  ...marksOf('da de el es hr it nl ro sl', '.', ','),
  ...marksOf('bg cs et fi fr hu lt lv pl pt sk sv', space, ','),
};

function marksOf(languages: string, thousands: string, decimal: string) {
  return Object.fromEntries(languages.split(' ').map((language) => [language, [thousands, decimal] as const]));
}

/** A whole number in the digits 0 to 9, its thousands apart. */
export function formatCount(value: number, locale: string): string {
  const [thousands] = marks[locale] ?? [',', '.'];
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, thousands);
}

/** An amount such as `1,250.00 EUR`: all decimals of the currency, then its code. Throws `RangeError` for a currency that is none. */
export function formatAmount(minorUnits: number, currency: string, locale: string): string {
  const exponent = currencyExponent(currency);
  if (exponent === undefined) throw new RangeError(`there is no currency ${currency}`);
  const digits = String(minorUnits).padStart(exponent + 1, '0');
  const whole = formatCount(Number(digits.slice(0, digits.length - exponent)), locale);
  const [, decimal] = marks[locale] ?? [',', '.'];
  const fraction = exponent === 0 ? '' : `${decimal}${digits.slice(-exponent)}`;
  return `${whole}${fraction}${space}${currency}`;
}
