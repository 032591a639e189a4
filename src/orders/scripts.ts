/** Which scripts a word is written in (Unicode Standard Annex 24, and the combinations of Technical Standard 39). */

/** Every script of Unicode that has letters, in its order of use here; a letter of one that is not listed is of no known script. */
const names =
  `Latin Cyrillic Greek Arabic Han Hiragana Katakana Hangul Bopomofo Hebrew Armenian Georgian Thai Lao Devanagari Bengali
  Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Tibetan Myanmar Khmer Mongolian Ethiopic Cherokee
  Adlam Ahom Anatolian_Hieroglyphs Avestan Balinese Bamum Bassa_Vah Batak Beria_Erfe Bhaiksuki Brahmi Buginese Buhid Canadian_Aboriginal Carian
  Caucasian_Albanian Chakma Cham Chorasmian Coptic Cuneiform Cypriot Cypro_Minoan Deseret Dives_Akuru Dogra Duployan
  Egyptian_Hieroglyphs Elbasan Elymaic Garay Glagolitic Gothic Grantha Gunjala_Gondi Gurung_Khema Hanifi_Rohingya Hanunoo Hatran
  Imperial_Aramaic Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khojki
  Khudawadi Kirat_Rai Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Mandaic Manichaean Marchen Masaram_Gondi
  Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mro Multani Nabataean Nag_Mundari Nandinagari
  New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Ol_Onal Old_Hungarian Old_Italic Old_North_Arabian Old_Permic
  Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician
  Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham Sidetic SignWriting Sogdian Sora_Sompeng Soyombo Sundanese Sunuwar
  Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Tai_Yo Takri Tangsa Tangut Thaana Tifinagh Tirhuta Todhri Tolong_Siki Toto Tulu_Tigalari Ugaritic
  Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square`
    .split(/\s+/)
    .flatMap((name) => patternOf(name));

/** What Chinese, Japanese and Korean write as one. */
const together = ['Han Hiragana Katakana', 'Han Hangul', 'Han Bopomofo'].map((part) => groupOf(part.split(' ')));
const latin = groupOf(['Latin']);
const isShared = /[\p{Script=Common}\p{Script=Inherited}]/u;

/** Whether its letters, and marks that belong to a script, are all of one script, or of those that one language writes together. */
export function isOfOneScript(word: string): boolean {
  if (latin.test(word)) return true;
  const first = [...word].find((character) => /[\p{L}\p{M}]/u.test(character) && !isShared.test(character));
  if (first === undefined) return true;
  const name = names.find(({ only }) => only.test(first));
  return name !== undefined && [name.only, ...together].some((group) => group.test(word));
}

/** None for a script that this engine's Unicode does not know: it has no letters of it either. */
function patternOf(name: string): readonly { readonly only: RegExp }[] {
  try {
    return [{ only: groupOf([name]) }];
  } catch {
    return [];
  }
}

/** Nothing but these scripts, what all share, and what is no letter. */
function groupOf(scripts: readonly string[]): RegExp {
  const own = [...scripts, 'Common', 'Inherited'].map((name) => String.raw`\p{Script=${name}}`).join('');
  return new RegExp(String.raw`^(?:[${own}]|[^\p{L}\p{M}])+$`, 'u');
}
