"""One file = one symptom: a way of forgetting that a mean score can hide, read off a comparison, against the base."""
