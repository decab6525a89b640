# %% [markdown]
# # Captions: a picture in, a sentence out, and where the model looked
#
# A network that knows photographs (EfficientNet-Lite0, never trained here) makes 49 vectors of a
# picture, one for each region. A recurrent network writes a sentence about them, and before each
# word it looks where it needs to (Xu et al. 2015). We load one that was trained on Flickr8k, look
# over its shoulder, train another on drawings whose answer is known, and ask what scores are worth.

# %% tags=["parameters"]
# Outside a checkout, first: %pip install keraseq[captions]
drawings = 300
epochs = 30
looked = 20
limit = None
seed = 0
SHOW_PHOTOGRAPHS = False

# %%
from pathlib import Path
from tempfile import mkdtemp

import keras
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_sample_images

import keraseq
from keraseq import data, evaluate, plots, recipes

# %% [markdown]
# ## Photographs that it has never seen
# Two that come with scikit-learn, both under CC BY 2.0: `china.jpg` by danielbuechele, `flower.jpg`
# by vultilion (both on Flickr). The saved model knows 8,000 photographs of people and dogs.

# %%
saved = keraseq.bundle.load("captions")
china, flower = load_sample_images().filenames
recipes.predict(saved, [china, flower])[["caption", "score"]]

# %%
_ = plots.looks(china, recipes.caption.look(saved, china))

# %% [markdown]
# Temples and flowers are not what Flickr8k is about, so it sees what it knows: shirts, and play.

# %% [markdown]
# ## Drawings whose answer is known
# A box and a ball of two colours, somewhere on a dark ground. What looks at them is no trained
# network: it gives the mean and the maximum of each square of eight by eight pixels.

# %%
COLOURS = {"red": (230, 40, 40), "green": (40, 200, 40), "blue": (60, 80, 250), "white": (240,) * 3}
COLOURS["orange"], disc = (240, 150, 30), np.hypot(*(np.mgrid[:16, :16] - 7.5)) < 8


def draw(rng):
    pixels, (box, ball) = np.full((56, 56, 3), 25, "uint8"), rng.permutation(list(COLOURS))[:2]
    places = np.argwhere(np.ones((3, 3)))[rng.permutation(9)[:2]]
    corners, shapes = 16 * places + 8 * rng.integers(2, size=2), (disc | True, disc)
    for (top, left), inside, name in zip(corners, shapes, (box, ball), strict=True):
        pixels[top : top + 16, left : left + 16][inside] = COLOURS[name]
    return pixels, f"a {box} box and a {ball} ball", corners


# %%
folder, rng = Path(mkdtemp()), np.random.default_rng(seed)
drawn = [draw(rng) for _ in range(drawings)]
for at, (pixels, _, _) in enumerate(drawn):
    Image.fromarray(pixels).save(folder / f"{at}.png")
said = pd.DataFrame({"image": [f"{at}.png" for at in range(drawings)]})
said.assign(caption=[text for _, text, _ in drawn]).to_csv(folder / "said.csv", index=False)
shown = keras.Input((56, 56, 3))
pools = keras.layers.AveragePooling2D(8), keras.layers.MaxPooling2D(8)
keras.Model(shown, keras.layers.Concatenate()([p(shown) for p in pools])).save(folder / "eye.keras")
seen = data.captioned(folder, folder / "said.csv")
print(seen)

# %%
options = {"encoder": str(folder / "eye.keras"), "cache": str(folder / "seen.h5"), "units": 48}
options |= {"embedding": 16, "epochs": epochs, "learning_rate": 1e-2, "batch_size": 16}
toy = recipes.train("caption", seen, seed=seed, report=None, dropout=0.0, minimum=1, **options)
own = recipes.predict(toy, seen.test.pictures).caption
print(f"{np.mean(own == [one for [one] in seen.test.captions]):.0%} of the test captions are right")

# %% [markdown]
# Nobody told it where things are. When it names a colour, it looks at the thing that has it:

# %%
hits = []
for picture in sorted(folder.glob("*.png"))[:looked]:
    _, text, corners = drawn[int(picture.stem)]
    maps = recipes.caption.look(toy, picture, text).maps[[1, 5]]
    for shares, corner in zip(maps, corners // 8, strict=True):
        place = np.array(np.unravel_index(shares.argmax(), shares.shape))
        hits.append(all(abs(place - corner - 0.5) < 1))
print(f"the largest share lies on the thing for {np.mean(hits):.0%} of {len(hits)} colour words")
assert epochs < 30 or np.mean(hits) > 0.9
_ = plots.looks(picture, recipes.caption.look(toy, picture), columns=8)

# %% [markdown]
# ## Flickr8k
# 1,000 test photographs, five captions each (Hodosh et al. 2013). They may be used for research
# that is not commercial, and not be passed on: so none is shown here. With the data in a folder of
# your own (`KERASEQ_DATA`), `SHOW_PHOTOGRAPHS = True` shows them.

# %%
flickr = data.load("flickr8k")
pictures, references = (part[:limit] for part in flickr.test)
said = recipes.predict(saved, pictures)
said["cider"] = evaluate.cider(said.caption.tolist(), references)
said["people"] = [its[0] for its in references]
pd.set_option("display.max_colwidth", 90)
said[["caption", "people", "cider"]].head(6).round(1)

# %%
at = said.cider.argmax()
blank = np.full((192, 192, 3), 255)
_ = plots.looks(
    pictures[at] if SHOW_PHOTOGRAPHS else blank,
    recipes.caption.look(saved, pictures[at]),
    columns=8,
)
for one in references[at]:
    print(one)

# %% [markdown]
# White is where it looked, 7 by 7 regions.

# %% [markdown]
# ## What that is worth
# CIDEr asks how much a caption shares with those of five people, weighing what few pictures have;
# BLEU counts n-grams alike (papers print both in hundredths).

# %%
pd.Series(evaluate.caption_scores(said.caption.tolist(), references)).round(1).to_frame("model").T

# %% [markdown]
# Beside it, models that were trained and captions that need no training (`benchmarks/caption.py`).
# One sentence for all pictures has a BLEU-1 that some tutorials report for their models, and one
# human against the other four a BLEU-4 that models reach: CIDEr, which tells them apart, comes
# first. The consensus of the 50 nearest training pictures is what a model has to beat.

# %%
rows = keraseq.experiments.measured("captions").query("part == 'test'")
models = rows.image + " (" + rows.sizes.fillna("preset") + "), " + rows.method
rows = rows.assign(captions=rows.without_training.fillna(models)).sort_values("cider")
rows[["captions", "cider", "low", "high", "bleu1", "bleu4"]].set_index("captions")

# %% [markdown]
# ## Where it errs
# The test captions with the lowest CIDEr share nothing with any of the five: not what is seen, or
# in other words. Who does not know what it sees, says what is said most often.

# %%
said.sort_values("cider")[["caption", "people", "cider"]].head(6).round(1)
