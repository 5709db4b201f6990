"""Knowledge bases elsewhere whose packages are followed by what they tell has changed."""
