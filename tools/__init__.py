"""Small programs that keep the repository in shape; none of them is part of the product."""
