"""What finds the texts that are like a question: one file is one way."""
