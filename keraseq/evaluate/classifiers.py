"""Baselines for classification."""

import numpy as np


def majority_class(train_labels, test_labels) -> float:
    """Accuracy of always naming the most frequent label of the training part."""
    values, counts = np.unique(np.asarray(train_labels), return_counts=True)
    return float(np.mean(np.asarray(test_labels) == values[counts.argmax()]))


def logistic_regression(train_inputs, train_labels, test_inputs, test_labels) -> float:
    """Accuracy of scikit-learn's logistic regression on all steps and features side by side."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def flat(inputs):
        return np.asarray(inputs).reshape(len(inputs), -1)

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(flat(train_inputs), train_labels)
    return float(model.score(flat(test_inputs), test_labels))
