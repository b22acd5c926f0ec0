"""Word lists for the sample company's names, and functions that join words. Nothing here is random."""

from collections import Counter

import numpy as np


def words(text: str) -> tuple[str, ...]:
    """Split a text into words."""
    return tuple(text.split())


REGIONS = words(
    "青葉 日向野 三浦 西川 北斗 瀬戸内 美濃 越後 信濃 加賀 近江 播磨 摂津 武蔵 相模 常陸 下野 上毛 甲斐 駿河 "
    "遠州 三河 尾張 伊勢 丹後 但馬 因幡 出雲 備前 安芸 周防 讃岐 伊予 土佐 筑紫 肥後 豊後 薩摩 琉球 津軽 "
    "南部野 庄内 会津 那須 秩父 多摩 湘南 房総 富士見 飛騨 立山 白山 若狭 葛城 紀伊 淡路 阿波 玄海 有明 霧島"
)
MODIFIERS = ("", "新", "東", "西", "南", "北", "中央")
# No word begins with another word of its list, so that a registered name is never the beginning of another.
BUSINESS = {
    "reseller": words("商事 事務機 オフィス 電機 通商 産業 文具"),
    "si": words("システムズ 情報技術 データサービス テクノ ソリューション 計算センター"),
    "referral": words("コンサルティング 会計事務所 アドバイザリー 経営研究所"),
    "bank": words("銀行 信用金庫"),
    "oem": words("精機 製作所 エレクトロニクス 計器"),
    "distributor": words("ディストリビューション 物流商社 流通"),
}
CITIES = (
    ("東京", "東京都"), ("大阪", "大阪府"), ("名古屋", "愛知県"), ("福岡", "福岡県"),
    ("札幌", "北海道"), ("仙台", "宮城県"), ("広島", "広島県"), ("横浜", "神奈川県"),
    ("京都", "京都府"), ("神戸", "兵庫県"), ("さいたま", "埼玉県"), ("千葉", "千葉県"),
    ("静岡", "静岡県"), ("新潟", "新潟県"), ("金沢", "石川県"), ("岡山", "岡山県"),
    ("高松", "香川県"), ("松山", "愛媛県"), ("熊本", "熊本県"), ("鹿児島", "鹿児島県"),
    ("那覇", "沖縄県"), ("長野", "長野県"), ("宇都宮", "栃木県"), ("水戸", "茨城県"),
    ("高崎", "群馬県"), ("甲府", "山梨県"), ("岐阜", "岐阜県"), ("津", "三重県"),
    ("大津", "滋賀県"), ("奈良", "奈良県"), ("和歌山", "和歌山県"), ("富山", "富山県"),
    ("福井", "福井県"), ("鳥取", "鳥取県"), ("松江", "島根県"), ("山口", "山口県"),
    ("徳島", "徳島県"), ("高知", "高知県"), ("佐賀", "佐賀県"), ("長崎", "長崎県"),
    ("大分", "大分県"), ("宮崎", "宮崎県"), ("青森", "青森県"), ("盛岡", "岩手県"),
    ("秋田", "秋田県"), ("山形", "山形県"), ("福島", "福島県"), ("浜松", "静岡県"),
    ("豊橋", "愛知県"), ("姫路", "兵庫県"), ("北九州", "福岡県"), ("川崎", "神奈川県"),
    ("立川", "東京都"), ("堺", "大阪府"), ("函館", "北海道"), ("旭川", "北海道"),
    ("郡山", "福島県"), ("倉敷", "岡山県"), ("久留米", "福岡県"), ("四日市", "三重県"),
)  # fmt: skip
BRANCH_KINDS = ("支店", "営業所")
DIVISIONS = ("法人営業事業部", "ソリューション事業部", "公共事業部")
SURNAMES = words(
    "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 斎藤 清水 山崎 "
    "森 池田 橋本 阿部 石川 山下 中島 石井 小川 前田 岡田 長谷川 藤田 後藤 近藤 村上 遠藤 青木 坂本"
)
SURNAMES_LATIN = words(
    "sato suzuki takahashi tanaka ito watanabe yamamoto nakamura kobayashi kato yoshida yamada sasaki "
    "yamaguchi matsumoto inoue kimura hayashi saito shimizu yamazaki mori ikeda hashimoto abe ishikawa "
    "yamashita nakajima ishii ogawa maeda okada hasegawa fujita goto kondo murakami endo aoki sakamoto"
)
GIVEN = words(
    "翔太 健太 大輔 拓也 直樹 和也 健一 誠 浩 剛 隆 学 亮 渉 悠人 蓮 陽介 智也 雄一 修 美咲 愛 彩 恵 裕子 "
    "真由美 陽子 智子 由美 直美 香織 千尋 遥 結衣 麻衣 沙織 奈々 瞳 綾 舞"
)
CUSTOMER_WORDS = words(
    "あさひ さくら みなと ひかり つばさ こだま はやて やまびこ みどり いずみ すばる のぞみ かえで わかば "
    "あかつき しらかば たちばな ふじ もみじ くすのき"
)
CUSTOMER_TRADES = words(
    "食品 運輸 建設 化学 医療 金属 印刷 不動産 電子 繊維 薬品 機械 観光 教育 農産 水産 紙業 硝子 警備 広告"
)
INDUSTRIES = words("製造 卸売・小売 情報通信 建設 医療・福祉 運輸 金融 サービス 教育 公共")
PREFECTURES = tuple(dict.fromkeys(prefecture for _, prefecture in CITIES))
PRODUCTS = (
    ("クラウド勤怠", "SaaS", False), ("クラウド経費", "SaaS", False),
    ("クラウド契約", "SaaS", False), ("販売管理クラウド", "SaaS", False),
    ("文書管理クラウド", "SaaS", False), ("入退室端末", "ハードウェア", False),
    ("受付タブレット", "ハードウェア", False), ("業務用スキャナ", "ハードウェア", False),
    ("導入支援", "サービス", True), ("運用代行", "サービス", True),
    ("データ移行", "サービス", True), ("操作研修", "サービス", True),
)  # fmt: skip


def with_legal_form(name: str, style: int) -> str:
    """Add the legal form at this company's position; a credit union (信用金庫) has none."""
    if name.endswith("信用金庫"):
        return name
    return (f"株式会社{name}", f"{name}株式会社", f"㈱{name}")[style % 3]


def partner_aliases(cores: np.ndarray) -> np.ndarray:
    """Return an alias for every second partner, None for the rest.

    A short name is used only if no other partner's name begins with it, so that it is unique.
    """
    begins = Counter(core[:end] for core in cores for end in range(1, len(core) + 1))
    aliases: np.ndarray = np.full(len(cores), None, dtype=object)
    for p, core in enumerate(cores):
        word = next(w for words in BUSINESS.values() for w in words if core.endswith(w))
        short = core.removesuffix(word) + (word[:1] if "一" <= word[0] <= "鿿" else word[:2])
        if p % 2 == 0:
            aliases[p] = f"{core}グループ"
        elif p % 4 == 1 and begins[short] == 1 and short != core:
            aliases[p] = short
    return aliases


def branch_aliases(branch_name: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Return an alias for some branches, None for the rest."""
    aliases: np.ndarray = np.full(len(branch_name), None, dtype=object)
    for b, (name, kind) in enumerate(zip(branch_name, kinds, strict=True)):
        if kind == "支店" and b % 5 == 0:
            aliases[b] = name.removesuffix(kind) + "ブランチ"
        elif kind is not None and kind != "本社" and b % 7 == 3:
            aliases[b] = name.removesuffix(kind) + {"支店": "BO", "営業所": "SO"}[kind]
    return aliases
