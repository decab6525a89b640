import matplotlib
import numpy as np
import pandas as pd

from keraseq import plots

matplotlib.use("agg")


def test_a_spectrogram_shows_what_was_found_where_it_is():
    samples = np.zeros(8000)
    samples[4000:] = np.sin(np.arange(4000) / 2)
    found = pd.DataFrame({"label": ["7", "3"], "start": [0.5, 0.8], "end": [0.6, 0.9]})
    ax = plots.spectrogram(samples, 8000, found)
    assert [text.get_text() for text in ax.texts] == ["7", "3"]
    np.testing.assert_allclose([text.xy[0] for text in ax.texts], [0.55, 0.85])
    image = np.asarray(ax.images[0].get_array())
    assert image.shape == (40, 65) and image[:, 50].max() > image[:, 10].max()
    assert not plots.spectrogram(samples, 8000).texts
